export interface CrossEntropy {
  /** float32[rows, classes], at least. */
  readonly logits: Float32Array
  /** One-hot, of the same shape. */
  readonly targets: Float32Array
  /** Written: the gradient by the logits. */
  readonly slope: Float32Array
  readonly rows: number
  readonly classes: number
}

/**
 * The mean loss of the rows, nats, and its gradient (softmax - targets) / rows, each rounded once. In JavaScript on the
 * heap: there are only a few hundred logits, WebAssembly has no exponential, and V8's own is the same on every processor.
 */
export function crossEntropyRows({ logits, targets, slope, rows, classes }: CrossEntropy): number {
  const exponentials = new Float64Array(classes)
  let total = 0
  for (let start = 0; start < rows * classes; start += classes) {
    let largest = logits[start]!
    for (let i = 1; i < classes; i++) largest = Math.max(largest, logits[start + i]!) // NaN stays NaN
    let [sum, target] = [0, 0]
    for (let i = 0; i < classes; i++) {
      const shifted = logits[start + i]! - largest
      exponentials[i] = Math.exp(shifted)
      sum += exponentials[i]!
      target += shifted * targets[start + i]!
    }
    total += Math.log(sum) - target
    for (let i = 0; i < classes; i++) slope[start + i] = (exponentials[i]! / sum - targets[start + i]!) / rows
  }
  return Math.fround(total / rows)
}
