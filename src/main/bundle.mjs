// Makes one file, or a few that they share, of each program that Node starts: loading a thousand small modules takes longer
// than everything else at a start. `npm run build` runs it after tsc, and so do the tests, which start what users start.
// The modules that tsc wrote stay beside it, for programs that import them; at a program's own place is a line that leads to
// its bundle in dist/programs.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bundles = join(root, 'dist', 'programs')

/** By the name of its bundle, its source. */
const PROGRAMS = {
  cli: 'src/cli/main.ts',
  client: 'clients/main.ts',
  compute: 'src/rounds/compute-worker.ts',
  inspect: 'src/main/inspect-worker.ts',
  reproduction: 'src/reproduction/worker.ts',
}

/** With addons of their own, files beside them or threads; or only needed by those who have the server. */
const NATIVE = ['libsql', 'webgpu', 'bufferutil', 'utf-8-validate', 'pino', 'pino-pretty', '@prisma/adapter-pg']
const WITH_FILES = ['@fastify/swagger-ui', '@prisma/client/runtime/query_compiler*', '@tensorflow/*']

/**
 * One copy of TF.js in a thread, shared with engines that are installed beside it. `require` loads it in half the time of
 * `import`, which reads a CommonJS module twice more: for what it is, and for what it exports. Its exports are named here, since
 * esbuild would have each of a hundred files copy all of them.
 */
const requireTensorFlow = {
  name: 'require-tensorflow',
  setup({ onResolve, onLoad }) {
    const filter = /^@tensorflow\/tfjs-(core|layers|backend-cpu|backend-wasm)$/
    onResolve({ filter }, ({ path, namespace }) =>
      namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    )
    onLoad({ filter, namespace: 'required' }, ({ path }) => ({
      contents: `export const { ${exportsOf(path).join(', ')} } = require(${JSON.stringify(path)})`,
    }))
  },
}

function exportsOf(library) {
  return Object.keys(createRequire(import.meta.url)(library))
}

/** A module finds files and programs by where tsc has put it, in a bundle too. */
const ownPlace = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url')) return null
      const place = `../${relative(root, path).replaceAll('\\', '/').replace(/\.ts$/, '.js')}`
      const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', url) }
    })
  },
}

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: PROGRAMS,
  outdir: bundles,
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: [...NATIVE, ...WITH_FILES],
  legalComments: 'linked',
  plugins: [requireTensorFlow, ownPlace],
  banner: {
    js: `import { createRequire as createBundleRequire } from 'node:module'\nconst require = createBundleRequire(import.meta.url)`,
  },
  logLevel: 'warning',
  write: false,
})

// Its service would stay for as long as the tests that come after.
await stop()

mkdirSync(bundles, { recursive: true })
for (const { path, contents } of outputFiles) writeChanged(path, contents)
const written = new Set(outputFiles.map(({ path }) => basename(path)))
for (const name of readdirSync(bundles)) if (!written.has(name)) rmSync(join(bundles, name))
for (const [name, source] of Object.entries(PROGRAMS)) {
  const path = join(root, 'dist', source.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(path), { recursive: true })
  writeChanged(path, Buffer.from(startOf(name, path)))
}

/** Node keeps what it compiled in the system's folder for temporary files, from 22 on; with 24 loading takes a sixth less. */
function startOf(name, path) {
  const bundle = relative(dirname(path), join(bundles, `${name}.js`)).replaceAll('\\', '/')
  return [
    '#!/usr/bin/env node',
    `import module from 'node:module'`,
    'module.enableCompileCache?.()',
    `await import('${bundle}')`,
    '',
  ].join('\n')
}

/** Processes that run meanwhile may be reading what is the same as before. */
function writeChanged(path, contents) {
  if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents)
}
