import type * as tf from '@tensorflow/tfjs-core'
import { FedError, toFedError } from '../../core/errors.ts'
import type { GpuAdapterInfo, GpuDevice } from './dawn.ts'

/** The members of tfjs-backend-webgpu 4.22.0's backend that are used here; some are not public, so its version is pinned. */
export interface ShippedBackend extends tf.KernelBackend {
  readonly device: GpuDevice
  readonly tensorMap: { get(id: object): TensorData }
  uploadToGPU(id: object): void
  ensureCommandEncoderReady(): void
  endComputePassEncoder(): void
  submitQueue(): void
  makeTensorInfo(shape: number[], dtype: 'float32' | 'int32', values?: Float32Array | Int32Array): tf.TensorInfo
  runWebGPUProgram(
    program: Program,
    inputs: tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms?: readonly Uniform[],
    output?: tf.TensorInfo,
  ): tf.TensorInfo
}

interface TensorData {
  readonly shape: number[]
  readonly dtype: tf.DataType
  /** Set while the values are in JavaScript only, or also. */
  readonly values: Float32Array | null | undefined
  /** Set while the values are on the device. */
  readonly resource?: object | null
}

/** What TF.js compiles into a pipeline. */
export interface Program {
  readonly shaderKey: string
  readonly outputShape: number[]
  readonly outputComponent: number
  readonly variableNames: string[]
  readonly variableComponents: number[]
  /** WGSL declarations, each with a comma at its end. */
  readonly uniforms: string
  readonly workgroupSize: [number, number, number]
  readonly dispatchLayout: { readonly x: number[] }
  readonly dispatch: [number, number, number]
  getUserCode(): string
}

export interface Uniform {
  readonly type: 'int32' | 'float32'
  readonly data: number[]
}

export type ShippedBackendClass = new (device: GpuDevice, info: GpuAdapterInfo) => ShippedBackend

export interface GuardedBackend extends ShippedBackend {
  /** Why nothing more can be trusted that comes from this device; null while all is well. */
  fault(): FedError | null
  /** The largest tensor in bytes, and the limit of the device that says so. Tests make it smaller. */
  room: { bytes: number; readonly limit: string }
}

/**
 * TF.js's WebGPU backend, made honest. WebGPU reports what goes wrong beside the program, on the console or through a
 * promise that nobody awaits, while TF.js goes on with zeros. Here no value leaves a device that has reported an error
 * (`engine_fault`) or is gone (`engine_lost`), and a tensor beyond the device's limits is refused by name before it is
 * allocated (`engine_limit`).
 */
export function guardedBackend(Shipped: ShippedBackendClass, device: GpuDevice, info: GpuAdapterInfo): GuardedBackend {
  let fault: FedError | null = null
  device.addEventListener('uncapturederror', event => {
    event.preventDefault() // it goes to whoever reads next, not to the console
    fault ??= deviceFault(event.error)
  })
  void device.lost.then(({ reason, message }) => {
    fault ??= new FedError('engine_lost', {
      received: [reason, message].filter(Boolean).join(': '),
      hint: 'Resume the run: a new device is opened',
    })
  })

  class Guarded extends Shipped implements GuardedBackend {
    room = roomOf(device)

    fault(): FedError | null {
      return fault
    }

    override uploadToGPU(id: object): void {
      requireSound()
      const { resource, shape, dtype } = this.tensorMap.get(id)
      if (!resource) this.requireRoom(shape, dtype)
      super.uploadToGPU(id)
    }

    override runWebGPUProgram(...call: Parameters<ShippedBackend['runWebGPUProgram']>): tf.TensorInfo {
      requireSound()
      const [program, inputs, dtype, , output] = call
      // All of them before any is allocated, so that a refusal leaves nothing behind.
      if (!output) this.requireRoom(program.outputShape, dtype)
      for (const { shape, dtype } of inputs) this.requireRoom(shape, dtype)
      return super.runWebGPUProgram(...call)
    }

    override async read(id: object): Promise<tf.backend_util.BackendValues> {
      requireSound()
      const values = await super.read(id).catch(async (error: unknown) => {
        await nextTurn() // the loss of the device is announced after what it causes
        throw fault ?? toFedError(error, 'engine_fault')
      })
      requireSound() // an error that came before the values came with them
      return values
    }

    override readSync(id: object): tf.backend_util.BackendValues {
      requireSound()
      const { values } = this.tensorMap.get(id)
      if (values) return values
      throw new FedError('engine_fault', { expected: 'an asynchronous read', received: 'a synchronous one' })
    }

    private requireRoom(shape: readonly number[], dtype: tf.DataType): void {
      const bytes = 4 * shape.reduce((count, extent) => count * extent, 1)
      const { bytes: most, limit } = this.room
      if (bytes > most)
        throw new FedError('engine_limit', {
          expected: `tensors of at most ${most} bytes (${limit} of the device)`,
          received: `${dtype}[${shape.join(', ')}] of ${bytes} bytes`,
          hint: 'Take a smaller model, batch or cohort, or another engine',
        })
    }
  }

  function requireSound(): void {
    if (fault) throw fault
  }

  return new Guarded(device, info)
}

function roomOf({ limits }: GpuDevice): GuardedBackend['room'] {
  const { maxBufferSize, maxStorageBufferBindingSize } = limits
  return maxBufferSize < maxStorageBufferBindingSize
    ? { bytes: maxBufferSize, limit: 'maxBufferSize' }
    : { bytes: maxStorageBufferBindingSize, limit: 'maxStorageBufferBindingSize' }
}

function deviceFault(error: { readonly message: string }): FedError {
  const kind = error.constructor.name.replace(/^GPU|Error$/g, '') // Validation, OutOfMemory, Internal
  return new FedError('engine_fault', {
    expected: 'a device without errors',
    received: `${kind}: ${error.message.split('\n')[0]}`,
    hint:
      kind === 'OutOfMemory'
        ? 'The device’s memory is full: take a smaller model, batch or cohort, then resume the run'
        : 'Resume the run, on another engine if it happens again',
  })
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
