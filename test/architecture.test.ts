import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * The house: which room may import which. Arrows point down only; rooms on one floor are strangers unless a line here
 * says otherwise. docs/architecture.md draws the same table.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // ground
  'src/core': [],
  'src/compute': ['src/core'],
  // maths
  'src/data': ['src/core'],
  'src/models': ['src/core', 'src/compute'],
  'src/training': ['src/core', 'src/compute', 'src/data', 'src/models'],
  'src/strategies': ['src/core', 'src/compute', 'src/alignment', 'src/privacy'],
  'src/analysis': ['src/core'],
  'src/alignment': ['src/core'],
  'src/privacy': ['src/core'],
  // heart
  'src/protocol': ['src/core'],
  'src/rounds': [
    'src/core',
    'src/protocol',
    'src/compute',
    'src/data',
    'src/models',
    'src/training',
    'src/alignment',
    'src/strategies',
    'src/analysis',
    'src/privacy',
  ],
  // edge
  'src/store': ['src/core', 'src/rounds'],
  'src/figures': ['src/core'],
  'src/server/http': ['src/core', 'src/rounds', 'src/figures'],
  'src/server/socket': ['src/core', 'src/protocol', 'src/rounds'],
  // roof
  clients: [
    'src/core',
    'src/compute',
    'src/data',
    'src/models',
    'src/training',
    'src/strategies',
    'src/privacy',
    'src/protocol',
    'src/rounds',
  ],
  'src/main': [
    'src/core',
    'src/compute',
    'src/data',
    'src/models',
    'src/training',
    'src/analysis',
    'src/alignment',
    'src/strategies',
    'src/protocol',
    'src/rounds',
    'src/store',
    'src/server/http',
    'src/server/socket',
  ],
  'src/reproduction': [
    'src/core',
    'src/compute',
    'src/data',
    'src/models',
    'src/training',
    'src/alignment',
    'src/strategies',
    'src/analysis',
  ],
  'src/cli': [
    'src/core',
    'src/compute',
    'src/rounds',
    'src/store',
    'src/figures',
    'src/main',
    'src/reproduction',
    'clients',
  ],
}

/** The round state machine decides; it may not look at anything. */
const PURE = ['run-state', 'admission', 'assignment', 'transition'].map(name => `src/rounds/${name}.ts`)

/** Packages that only one floor may touch. */
const KEPT: readonly { readonly packages: RegExp; readonly rooms: readonly string[] }[] = [
  {
    packages: /^@tensorflow\//,
    rooms: ['src/compute', 'src/models', 'src/training', 'src/strategies', 'src/alignment'],
  },
  { packages: /^(@prisma\/|pg$|@libsql\/)/, rooms: ['src/store'] },
  { packages: /^(fastify|@fastify\/|fastify-)/, rooms: ['src/server/http', 'src/main'] },
  { packages: /^socket\.io$/, rooms: ['src/server/socket', 'src/main'] },
  { packages: /^socket\.io-client$/, rooms: ['clients'] },
  { packages: /^(commander|log-update|table|picocolors)$/, rooms: ['src/cli'] },
]

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const files = ['src', 'clients'].flatMap(folder => sources(join(root, folder)))
const imports = new Map(files.map(file => [file, importsOf(file)]))

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(name => join(folder, String(name)))
    .filter(path => path.endsWith('.ts') && !path.includes(`${sep}generated${sep}`) && statSync(path).isFile())
    .map(path => relative(root, path).split(sep).join('/'))
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*(?:\{[^}]*\}[^'"\n;]*)?from\s*'([^']+)'|import\('([^']+)'\)|(?:^|\n)import '([^']+)'/g,
  )
  return [...found].map(match => match[1] ?? match[2] ?? match[3] ?? '')
}

function roomOf(file: string): string {
  const room = Object.keys(ROOMS)
    .filter(name => file.startsWith(`${name}/`))
    .sort((a, b) => b.length - a.length)[0]
  assert.ok(room, `${file} lies in no room of the house`)
  return room
}

function targetOf(file: string, specifier: string): string | null {
  return specifier.startsWith('.')
    ? normalize(join(dirname(file), specifier))
        .split(sep)
        .join('/')
    : null
}

describe('the house', () => {
  test('finds the imports it is about', () => {
    assert.ok(files.length > 60, `only ${files.length} files`)
    const arrows = [...imports.values()].flat().length
    assert.ok(arrows > 200, `only ${arrows} imports`)
    assert.ok(imports.get('src/rounds/engine.ts')?.includes('./transition.ts'))
  })

  test('every arrow is one that the table allows', () => {
    const wrong: string[] = []
    for (const [file, specifiers] of imports)
      for (const specifier of specifiers) {
        const target = targetOf(file, specifier)
        if (!target || target.includes('/generated/')) continue
        const [from, to] = [roomOf(file), roomOf(target)]
        if (from !== to && !ROOMS[from]!.includes(to)) wrong.push(`${file} → ${target}`)
      }
    assert.deepEqual(wrong, [])
  })

  test('every allowed arrow is used: the table promises nothing that is not so', () => {
    const used = new Set<string>()
    for (const [file, specifiers] of imports)
      for (const specifier of specifiers) {
        const target = targetOf(file, specifier)
        if (target && !target.includes('/generated/')) used.add(`${roomOf(file)} → ${roomOf(target)}`)
      }
    const unused = Object.entries(ROOMS).flatMap(([from, targets]) =>
      targets.map(to => `${from} → ${to}`).filter(arrow => !used.has(arrow)),
    )
    assert.deepEqual(unused, [])
  })

  test('no file imports itself round a circle', () => {
    const circles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      if (done.has(file) || path.includes(file)) return
      for (const specifier of valueImports(file)) {
        const target = targetOf(file, specifier)
        if (target && imports.has(target)) visit(target, [...path, file])
      }
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepEqual(circles, [])
  })

  test('each package stays in its rooms', () => {
    const wrong: string[] = []
    for (const [file, specifiers] of imports)
      for (const specifier of specifiers)
        for (const { packages, rooms } of KEPT)
          if (packages.test(specifier) && !rooms.includes(roomOf(file))) wrong.push(`${file} imports ${specifier}`)
    assert.deepEqual(wrong, [])
  })

  test('core and the state machine have no clock, no chance, no process and no console', () => {
    const forbidden =
      /\b(Date\.now|new Date\(|Math\.random|process\.|console\.|setTimeout|setInterval|from 'node:(?!crypto))/
    const wrong = files.filter(
      file =>
        (file.startsWith('src/core/') || PURE.includes(file)) && forbidden.test(readFileSync(join(root, file), 'utf8')),
    )
    assert.deepEqual(wrong, [])
  })
})

/** Imports that remain at run time: types are gone then, and may point both ways within a room. */
function valueImports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(
    /import type [^\n]*(?:\n(?!import)[^\n]*)*?from '[^']+'/g,
    '',
  )
  const kept = importsOf(file)
  return kept.filter(specifier => text.includes(`'${specifier}'`))
}
