import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import type { EngineSetup } from '../engine.ts'
import { oneThread } from './processor.ts'

/** In the order they are tried. Neither is a dependency: people install the one that fits their machine. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']

/** TensorFlow's own library through its Node addon, on the GPU when the addon has one. */
export const tensorflow: EngineSetup = {
  name: 'tensorflow',
  summary: 'Native TensorFlow, with CUDA when @tensorflow/tfjs-node-gpu is installed.',
  async load() {
    repairNodeUtil()
    process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2' // its start-up notes would land in the middle of ours on stderr
    const failures: string[] = []
    for (const name of PACKAGES) {
      const failure = await tryImport(name)
      if (failure === null && tf.findBackendFactory('tensorflow')) return
      failures.push(`${name}: ${failure ?? 'it brings its own copy of @tensorflow/tfjs-core; install version 4.22.0'}`)
    }
    throw new FedError('engine_unavailable', {
      expected: PACKAGES.join(' or '),
      received: failures.join('; '),
      hint: 'npm install @tensorflow/tfjs-node-gpu@4.22.0 (CUDA) or @tensorflow/tfjs-node@4.22.0 adds it; npm run tensorflow:link uses the TensorFlow of your Python',
    })
  },
  describe() {
    const backend = tf.backend() as unknown as NodeBackend
    const version = backend.binding?.TF_Version ?? 'unknown'
    return {
      version,
      device: backend.isUsingGpuDevice
        ? { kind: 'gpu', description: `CUDA device of TensorFlow ${version}` }
        : { kind: 'cpu', description: oneThread().description.replace('1 thread', 'all threads') },
    }
  },
  remedy: withoutOneDnn,
}

/** Seen with TensorFlow 2.21.0 on an AMD EPYC with AVX-512, from Python too: docs/tensorflow.md. */
function withoutOneDnn(): string | undefined {
  if (process.env['TF_ENABLE_ONEDNN_OPTS'] === '0') return undefined
  return 'On some processors TensorFlow is wrong only with oneDNN: TF_ENABLE_ONEDNN_OPTS=0 in the environment does without'
}

/** What is used of tfjs-node's backend. */
interface NodeBackend {
  readonly isUsingGpuDevice?: boolean
  readonly binding?: { readonly TF_Version?: string }
}

async function tryImport(name: string): Promise<string | null> {
  try {
    await import(name)
    return null
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)
    return missing ? 'not installed' : `does not load (${message.split('\n')[0]})`
  }
}

/** tfjs-node 4.22.0 calls a function that Node 23 removed. */
function repairNodeUtil(): void {
  const open = util as { isNullOrUndefined?: (value: unknown) => boolean }
  open.isNullOrUndefined ??= value => value === null || value === undefined
}
