import * as tf from '@tensorflow/tfjs-core'
import { addressOf, floats, type WasmBackend } from '../wasm-kernels/heap.ts'
import { type KernelPack, packOf } from '../wasm-kernels/pack.ts'
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
  /** The same as `compute` by the kernel pack, in float64 and rounded once too; `stack` and `output` are addresses on its heap. */
  onPack?(pack: KernelPack, stack: number, rows: number, columns: number, attributes: A, output: number): void
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
        const attributes = attrs as unknown as A
        const pack = backendName === 'wasm' && op.onPack ? packOf(backend as WasmBackend) : null
        if (pack) {
          const heap = backend as WasmBackend
          const info = heap.makeOutput([length], 'float32')
          op.onPack!(pack, addressOf(heap, stack), rows, columns, attributes, addressOf(heap, info))
          return info
        }
        return host(backend, stack, length, (values, output) => op.compute(values, rows, columns, attributes, output))
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

function onHeap(backend: object, stack: tf.TensorInfo, length: number, fill: Parameters<Host>[3]): tf.TensorInfo {
  const heap = backend as WasmBackend
  // Output first: to allocate can grow the heap, which detaches every view made before.
  const info = heap.makeOutput([length], 'float32')
  fill(floats(heap, stack), floats(heap, info))
  return info
}
