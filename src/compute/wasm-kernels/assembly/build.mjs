// Compiles the kernel pack: AssemblyScript in this folder to one small .wasm beside the compiled kernels. Nothing is
// downloaded. `npm run build` runs it before tsc; it does nothing when no source is newer than the result.
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..', '..')
const target = join(root, 'dist', 'src', 'compute', 'wasm-kernels', 'kernel-pack.wasm')
const age = file => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

if (readdirSync(here).some(name => age(join(here, name)) >= age(target))) {
  mkdirSync(dirname(target), { recursive: true })
  // No relaxed SIMD: results must be the same bits on every processor and every version of Node.
  const { error, stderr } = await main([
    join(here, 'index.ts'),
    ...['--outFile', target, '--enable', 'simd', '--optimizeLevel', '3', '--noAssert', '--runtime', 'stub'],
    ...['--importMemory', '--noExportMemory', '--use', 'abort='],
  ])
  process.stderr.write(stderr.toString())
  if (error) process.exitCode = 1
}
