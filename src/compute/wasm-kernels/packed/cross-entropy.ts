import type { TensorInfo } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from '../heap.ts'
import { packOnly } from '../pack.ts'

interface Call {
  readonly inputs: { readonly logits: TensorInfo; readonly labels: TensorInfo }
  readonly backend: WasmBackend
}

/**
 * The mean loss, and its gradient (softmax - labels) / n, each rounded once. In JavaScript on the heap: there are only a
 * few hundred logits, WebAssembly has no exponential, and V8's own is the same on every processor.
 */
export const crossEntropy = packOnly('FedstrataCrossEntropy', ({ inputs: { logits, labels }, backend }: Call) => {
  const [rows, classes] = logits.shape as [number, number]
  const [loss, gradient] = [backend.makeOutput([], 'float32'), backend.makeOutput(logits.shape, 'float32')]
  const [z, targets, slope] = [logits, labels, gradient].map(tensor => floats(backend, tensor))
  const exponentials = new Float64Array(classes)
  let total = 0
  for (let start = 0; start < rows * classes; start += classes) {
    let largest = z![start]!
    for (let i = 1; i < classes; i++) largest = Math.max(largest, z![start + i]!) // NaN stays NaN
    let [sum, target] = [0, 0]
    for (let i = 0; i < classes; i++) {
      const shifted = z![start + i]! - largest
      exponentials[i] = Math.exp(shifted)
      sum += exponentials[i]!
      target += shifted * targets![start + i]!
    }
    total += Math.log(sum) - target
    for (let i = 0; i < classes; i++) slope![start + i] = (exponentials[i]! / sum - targets![start + i]!) / rows
  }
  floats(backend, loss)[0] = total / rows
  return [loss, gradient]
})
