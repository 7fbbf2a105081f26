import * as tf from '@tensorflow/tfjs-core'
import { type ColumnProgram, runColumnProgram } from '../webgpu/column-program.ts'
import type { GuardedBackend } from '../webgpu/guarded-backend.ts'

type Attributes = Record<string, number | number[]>

/**
 * An op from a stack of K vectors, float32[K, P], to one vector. `compute` is a plain loop over the float32 values, in
 * float64, rounded once; it runs on every engine whose tensors JavaScript can read without waiting. `fallback` says the
 * same in TF.js ops, for engines that keep their tensors elsewhere.
 */
export interface StackOp<A extends Attributes> {
  /** TF.js kernel name. */
  readonly name: string
  outputLength(rows: number, columns: number): number
  /** Fills `output`; must not keep or write `stack`, which may be the engine's own memory. */
  compute(stack: Float32Array, rows: number, columns: number, attributes: A, output: Float32Array): void
  fallback(stack: tf.Tensor2D, attributes: A): tf.Tensor1D
  /** For ops with one value a column: what webgpu runs; null leaves so many rows to `fallback`. */
  webgpu?(rows: number, attributes: A): ColumnProgram | null
}

/** The op as a function, its kernel registered for every engine that can run it. To add an op, write a `StackOp`. */
export function stackOp<A extends Attributes>(op: StackOp<A>): (stack: tf.Tensor2D, attributes: A) => tf.Tensor1D {
  for (const [backendName, host] of Object.entries(HOSTS))
    tf.registerKernel({
      kernelName: op.name,
      backendName,
      kernelFunc: ({ inputs, backend, attrs }) => {
        const stack = inputs['stack']!
        const [rows, columns] = stack.shape as [number, number]
        const length = op.outputLength(rows, columns)
        return host(backend, stack, length, (values, output) =>
          op.compute(values, rows, columns, attrs as unknown as A, output),
        )
      },
    })
  registerWebGpuKernel(op)
  const hasKernel = (rows: number, attributes: A) =>
    tf.getKernel(op.name, tf.getBackend()) !== undefined &&
    (tf.getBackend() !== 'webgpu' || op.webgpu!(rows, attributes) !== null)
  return (stack, attributes) =>
    !hasKernel(stack.shape[0], attributes)
      ? tf.tidy(() => op.fallback(stack, attributes))
      : tf.engine().runKernel(op.name, { stack }, attributes)
}

function registerWebGpuKernel<A extends Attributes>({ name, webgpu }: StackOp<A>): void {
  if (!webgpu) return
  tf.registerKernel({
    kernelName: name,
    backendName: 'webgpu',
    kernelFunc({ inputs, backend, attrs }) {
      const stack = inputs['stack']!
      return runColumnProgram(backend as GuardedBackend, stack, webgpu(stack.shape[0]!, attrs as unknown as A)!)
    },
  })
}

type Host = (
  backend: object,
  stack: tf.TensorInfo,
  length: number,
  fill: (values: Float32Array, output: Float32Array) => void,
) => tf.TensorInfo

/** By TF.js backend name: how a kernel reads its input and writes its output. */
const HOSTS: Readonly<Record<string, Host>> = {
  cpu: onArrays,
  // An array that no native op has used yet is still held in JavaScript by tfjs-node, so nothing is copied or uploaded.
  tensorflow: onArrays,
  wasm: onHeap,
}

function onArrays(backend: object, stack: tf.TensorInfo, length: number, fill: Parameters<Host>[3]): tf.TensorInfo {
  const { readSync, write } = backend as Pick<tf.KernelBackend, 'readSync' | 'write'>
  const output = new Float32Array(length)
  fill(readSync.call(backend, stack.dataId) as Float32Array, output)
  return { dataId: write.call(backend, output, [length], 'float32'), shape: [length], dtype: 'float32' }
}

/** The two members of BackendWasm 4.22 that its own kernels use as well. */
interface WasmHeap {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array
}

function onHeap(backend: object, stack: tf.TensorInfo, length: number, fill: Parameters<Host>[3]): tf.TensorInfo {
  const heap = backend as WasmHeap
  // Output first: to allocate can grow the heap, which detaches every view made before.
  const info = heap.makeOutput([length], 'float32')
  fill(heap.typedArrayFromHeap(stack), heap.typedArrayFromHeap(info))
  return info
}
