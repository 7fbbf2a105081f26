import { type MessagePort, workerData } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs-core'
import type { GuardedBackend } from '../../src/compute/webgpu/guarded-backend.ts'
import '../../src/rounds/compute-worker.ts'

/** The compute worker, with a wire to pull: whatever comes through `fuse` destroys the device that it computes on. */
const fuse = workerData.fuse as MessagePort
fuse.on('message', () => {
  ;(tf.backend() as unknown as GuardedBackend).device.destroy()
  fuse.postMessage('gone')
})
