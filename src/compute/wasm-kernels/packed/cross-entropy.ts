import type { TensorInfo } from '@tensorflow/tfjs-core'
import { crossEntropyRows } from '../cross-entropy.ts'
import { floats, type WasmBackend } from '../heap.ts'
import { packOnly } from '../pack.ts'

interface Call {
  readonly inputs: { readonly logits: TensorInfo; readonly labels: TensorInfo }
  readonly backend: WasmBackend
}

/** The mean loss, and its gradient. */
export const crossEntropy = packOnly('FedstrataCrossEntropy', ({ inputs: { logits, labels }, backend }: Call) => {
  const [rows, classes] = logits.shape as [number, number]
  const [loss, gradient] = [backend.makeOutput([], 'float32'), backend.makeOutput(logits.shape, 'float32')]
  const [z, targets, slope] = [logits, labels, gradient].map(tensor => floats(backend, tensor))
  floats(backend, loss)[0] = crossEntropyRows({ logits: z!, targets: targets!, slope: slope!, rows, classes })
  return [loss, gradient]
})
