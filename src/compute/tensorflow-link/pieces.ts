import { dirname, join } from 'node:path'
import { FedError } from '../../core/errors.ts'
import type { Machine } from './machine.ts'

/** Everything that building the addon needs, by absolute path. */
export interface Pieces {
  /** The npm package whose addon is built: tfjs-node-gpu where that is installed, else tfjs-node. */
  readonly addon: string
  /** The tensorflow package of Python: the C library and its headers lie in it. */
  readonly tensorflow: string
  readonly nodeGyp: string
  /** Where Node's own headers are: this folder's include/node. */
  readonly nodePrefix: string
}

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const
const VERSION = '4.22.0'
const FIND = [
  'import importlib.util',
  's = importlib.util.find_spec("tensorflow")',
  'print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")',
].join('\n')

/** Looks for the pieces in turn; throws `engine_unavailable` with the first that is missing and how to get it. */
export function findPieces(machine: Machine): Pieces {
  if (machine.platform !== 'linux')
    throw missing(
      'Linux, where Python’s TensorFlow brings its C library as .so files',
      machine.platform,
      HINTS.platform,
    )
  return {
    addon: findAddon(machine),
    tensorflow: findTensorflow(machine),
    nodeGyp: findNodeGyp(machine),
    nodePrefix: findHeaders(machine),
  }
}

const HINTS = {
  platform: 'npm install @tensorflow/tfjs-node@4.22.0 brings its own TensorFlow there',
  addon: `npm install --no-save --ignore-scripts @tensorflow/tfjs-node@${VERSION} (its source is enough; nothing is built yet)`,
  python: 'Install Python 3, or name it: PYTHON=/path/to/python3',
  tensorflow: 'python3 -m pip install tensorflow-cpu, or "tensorflow[and-cuda]" for an NVIDIA GPU',
  nodeGyp: 'Run it as npm run tensorflow:link, since npm brings node-gyp, or npm install --global node-gyp',
  headers: 'Name the folder above include/node: npm_config_nodedir=/path, e.g. of an unpacked Node from nodejs.org',
}

function findAddon({ packageFolder, read }: Machine): string {
  for (const name of PACKAGES) {
    const folder = packageFolder(name)
    if (folder === null) continue
    const { version } = JSON.parse(read(join(folder, 'package.json'))) as { version: string }
    if (version === VERSION) return folder
    throw missing(`${name} ${VERSION}, the version of the other TF.js packages here`, version, HINTS.addon)
  }
  throw missing(`the npm package ${PACKAGES.join(' or ')}`, 'neither installed', HINTS.addon)
}

function findTensorflow({ env, run, exists }: Machine): string {
  const python = env['PYTHON'] || 'python3'
  const { code, output } = run(python, ['-c', FIND])
  if (code === null) throw missing(`Python as ${python}`, 'no such program', HINTS.python)
  const folder = output.trim().split('\n').at(-1) ?? ''
  if (code !== 0 || !folder.startsWith('/'))
    throw missing(`the package tensorflow in ${python}`, code === 0 ? 'not installed' : folder, HINTS.tensorflow)
  for (const file of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h'])
    if (!exists(join(folder, file))) throw missing(`${file} in ${folder}`, 'no such file', HINTS.tensorflow)
  return folder
}

function findNodeGyp({ env, node, exists }: Machine): string {
  const npm = env['npm_execpath'] // …/npm/bin/npm-cli.js, set by npm run
  const roots = [...(npm ? [dirname(dirname(npm))] : []), join(dirname(dirname(node)), 'lib/node_modules/npm')]
  const folders = [...roots.map(root => join(root, 'node_modules')), join(dirname(dirname(node)), 'lib/node_modules')]
  const found = folders.map(folder => join(folder, 'node-gyp/bin/node-gyp.js')).find(exists)
  if (found) return found
  throw missing('node-gyp', `nothing in ${folders.join(', ')}`, HINTS.nodeGyp)
}

/** node-gyp would download the headers; nothing is downloaded here that was not asked for. */
function findHeaders({ env, node, exists }: Machine): string {
  const named = env['npm_config_nodedir']
  const prefix = named || dirname(dirname(node))
  if (exists(join(prefix, 'include/node/node_api.h'))) return prefix
  throw missing('Node’s headers', `no ${join(prefix, 'include/node/node_api.h')}`, HINTS.headers)
}

function missing(expected: string, received: string, hint: string): FedError {
  return new FedError('engine_unavailable', { expected, received, hint })
}
