import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../core/errors.ts'
import type { GuardedBackend } from './webgpu/guarded-backend.ts'

/** A tensor of a model, by name. */
export interface NamedShape {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * Refuses float32 tensors that the current engine says it cannot hold, by name, before anything is computed: only webgpu
 * knows beforehand. Throws `engine_limit`.
 */
export function requireRoom(tensors: readonly NamedShape[]): void {
  if (tf.getBackend() !== 'webgpu') return
  const { bytes: most, limit } = (tf.backend() as unknown as GuardedBackend).room
  for (const { name, shape } of tensors) {
    const bytes = 4 * tf.util.sizeFromShape([...shape])
    if (bytes > most)
      throw new FedError('engine_limit', {
        expected: `tensors of at most ${most} bytes (${limit} of the device)`,
        received: `${name}, float32[${shape.join(', ')}] of ${bytes} bytes`,
        hint: 'Take a smaller model, or another engine',
      })
  }
}
