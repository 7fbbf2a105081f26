import type { Values } from './matrix.ts'

/** Mean cross-entropy of rows of logits, nats, and its gradient by the logits: (softmax − one-hot) / rows. */
export function crossEntropy(
  logits: Values,
  labels: Values,
  classes: number,
): { readonly loss: number; readonly gradient: Float64Array } {
  const rows = labels.length
  const gradient = new Float64Array(rows * classes)
  let loss = 0
  for (let row = 0; row < rows; row++) {
    const z = Array.from({ length: classes }, (_, c) => logits[row * classes + c]!)
    const largest = Math.max(...z)
    const exponentials = z.map(value => Math.exp(value - largest))
    const sum = exponentials.reduce((total, value) => total + value, 0)
    loss += (Math.log(sum) + largest - z[labels[row]!]!) / rows
    for (let c = 0; c < classes; c++)
      gradient[row * classes + c] = (exponentials[c]! / sum - (c === labels[row] ? 1 : 0)) / rows
  }
  return { loss, gradient }
}
