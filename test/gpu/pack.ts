import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Packs what a bare Linux x64 machine needs to run `test/gpu/run.sh`: this Node, the built project and, of the packages
 * that it uses when it runs, the files that it uses.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const modules = join(root, 'node_modules')
const [file = 'fedstrata-gpu.tar.xz'] = process.argv.slice(2)

/** Of the development packages, the one that the contract needs. */
const ALSO = ['fast-check']
const NEVER = /^(@libsql\/linux-x64-musl|@types\/|typescript$)/

/** What a package brings and nobody reads at run time: by far most of its bytes. */
const LEFT_OUT = [
  /\.(map|md|markdown|html|flow|tsbuildinfo)$|\.d\.[cm]?ts$/,
  /^webgpu\/dist\/(?!linux-x64)[^/]/,
  /^webgpu\/(build|node_modules)\//,
  /^@tensorflow\/tfjs-[^/]+\/(?!package\.json$|dist$|dist\/[^/]+\.node\.js$|dist\/[^/]+\.wasm$|wasm-out)/,
  /^@tensorflow\/.*\.node\.min\.js$/,
  /^@prisma\/client\/runtime\/(query_compiler_(small|fast_bg\.(?!sqlite))|wasm-compiler-edge)/,
  /^@prisma\/(?!client|adapter|driver|debug)/,
  /^mnist\/(dist|visualizer)/,
  /^zod\/src/,
]

const stage = join(mkdtempSync(join(tmpdir(), 'fedstrata-gpu-')), 'fedstrata-gpu')
try {
  const packages = closure()
  for (const name of packages) copy(join(modules, name), join('node_modules', name), name)
  for (const path of ['package.json', 'dist', 'prisma/migrations', 'examples', 'test/gpu/run.sh'])
    copy(join(root, path), path, basename(path))
  copy(process.execPath, 'bin/node', 'node')
  const loader = process.env['VULKAN_LOADER']
  if (loader) copy(realpathSync(loader), 'lib/libvulkan.so.1', 'libvulkan.so.1')
  const archive = resolve(file)
  execFileSync('tar', ['-C', dirname(stage), '-cJf', archive, basename(stage)], { stdio: 'inherit' })
  const mebibytes = (statSync(archive).size / 2 ** 20).toFixed(1)
  console.log(`${archive}: ${mebibytes} MiB, ${packages.length} packages`)
  console.log('There: tar -xJf fedstrata-gpu.tar.xz && fedstrata-gpu/test/gpu/run.sh')
} finally {
  rmSync(dirname(stage), { recursive: true })
}

function copy(from: string, to: string, label: string): void {
  const target = join(stage, to)
  mkdirSync(dirname(target), { recursive: true })
  cpSync(from, target, {
    recursive: true,
    dereference: true,
    filter(source) {
      const path = join(label, relative(from, source))
      return !LEFT_OUT.some(pattern => pattern.test(path))
    },
  })
}

/** Every package that the project's own ones lead to. */
function closure(): string[] {
  const found = new Set<string>()
  const add = (name: string) => {
    const manifest = join(modules, name, 'package.json')
    if (found.has(name) || NEVER.test(name) || !existsSync(manifest)) return
    found.add(name)
    // Packages that lie inside a package travel with it; what they lead to may lie outside.
    for (const path of manifestsIn(dirname(manifest))) dependenciesOf(path).forEach(add)
  }
  ;[...dependenciesOf(join(root, 'package.json')), ...ALSO].forEach(add)
  return [...found].sort()
}

/** Of a package, and of the packages in its own node_modules. */
function manifestsIn(folder: string): string[] {
  const own = join(folder, 'node_modules')
  const inside = existsSync(own) ? readdirSync(own, { recursive: true }).map(String) : []
  const names = inside.filter(path => basename(path) === 'package.json').map(path => join(own, path))
  return [join(folder, 'package.json'), ...names]
}

function dependenciesOf(manifest: string): string[] {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(manifest, 'utf8'))
  return Object.keys({ ...dependencies, ...optionalDependencies })
}
