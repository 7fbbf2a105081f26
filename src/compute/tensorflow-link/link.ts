import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { FedError } from '../../core/errors.ts'
import type { Machine } from './machine.ts'
import type { Pieces } from './pieces.ts'

const [LIBRARY, FRAMEWORK] = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const

/** Name in the addon's deps/lib → file of Python's package. The linker, the addon and the library each ask for another. */
export const LINKS: Readonly<Record<string, string>> = {
  'libtensorflow.so': LIBRARY,
  'libtensorflow.so.2': LIBRARY,
  [LIBRARY]: LIBRARY,
  'libtensorflow_framework.so': FRAMEWORK,
  [FRAMEWORK]: FRAMEWORK,
}

/**
 * Builds tfjs-node's addon against the TensorFlow of Python: its deps/ become links into that package, and node-gyp
 * compiles two files. What was in deps/ and lib/ of the npm package is replaced. Throws `engine_unavailable` with the last
 * lines of the compiler.
 */
export function link({ addon, tensorflow, nodeGyp, nodePrefix }: Pieces, machine: Machine): void {
  const deps = join(addon, 'deps')
  rmSync(deps, { recursive: true, force: true })
  mkdirSync(join(deps, 'lib'), { recursive: true })
  symlinkSync(join(tensorflow, 'include'), join(deps, 'include'))
  for (const [name, file] of Object.entries(LINKS)) symlinkSync(join(tensorflow, file), join(deps, 'lib', name))
  const { code, output } = machine.run(machine.node, [
    nodeGyp,
    'rebuild',
    `--directory=${addon}`,
    `--nodedir=${nodePrefix}`,
    '--module_name=tfjs_binding',
    `--module_path=${join(addon, 'lib/napi-v8')}`,
    '--napi_build_version=8',
    '--napi_version=9',
  ])
  if (code === 0) return
  throw new FedError('engine_unavailable', {
    expected: 'node-gyp to build the addon',
    received: `exit code ${code}:\n${output.trim().split('\n').slice(-15).join('\n')}\n`,
    hint: 'It needs make and a C++ compiler (Debian: apt-get install build-essential)',
  })
}
