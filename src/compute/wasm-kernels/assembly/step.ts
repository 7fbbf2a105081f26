/**
 * Optimizer steps in one pass over the weights, into new arrays. Every operation is rounded to float32 in the order of
 * the chain of TF.js ops that it takes the place of, so both give the same bits.
 */

/** v' = momentum v + (g + decay w), w' = w - rate v'. Without memory, `velocity` is 0 and v' is not written. */
export function sgdStep(
  weight: usize, gradient: usize, velocity: usize, newWeight: usize, newVelocity: usize, length: i32, rate: f32,
  momentum: f32, decay: f32,
): void {
  const rates = f32x4.splat(rate)
  const momenta = f32x4.splat(momentum)
  const decays = f32x4.splat(decay)
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const w = v128.load(weight + at)
    let step = v128.load(gradient + at)
    if (decay > 0) step = f32x4.add(step, f32x4.mul(w, decays))
    if (velocity) {
      step = f32x4.add(f32x4.mul(v128.load(velocity + at), momenta), step)
      v128.store(newVelocity + at, step)
    }
    v128.store(newWeight + at, f32x4.sub(w, f32x4.mul(step, rates)))
  }
  for (; at < bytes; at += 4) {
    const w = f32.load(weight + at)
    let step = f32.load(gradient + at)
    if (decay > 0) step = step + w * decay
    if (velocity) {
      step = f32.load(velocity + at) * momentum + step
      f32.store(newVelocity + at, step)
    }
    f32.store(newWeight + at, w - step * rate)
  }
}

/**
 * m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g², w' = w - rate m' / (scale √v' + epsilon): the corrections
 * of Adam's bias are in `rate` and `scale`.
 */
export function adamStep(
  weight: usize, gradient: usize, mean: usize, square: usize, newWeight: usize, newMean: usize, newSquare: usize,
  length: i32, rate: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, scale: f32, epsilon: f32,
): void {
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const g = v128.load(gradient + at)
    const m = f32x4.add(
      f32x4.mul(v128.load(mean + at), f32x4.splat(beta1)),
      f32x4.mul(g, f32x4.splat(rest1)),
    )
    const v = f32x4.add(
      f32x4.mul(v128.load(square + at), f32x4.splat(beta2)),
      f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2)),
    )
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(scale)), f32x4.splat(epsilon))
    const change = f32x4.mul(f32x4.div(m, root), f32x4.splat(rate))
    v128.store(newMean + at, m)
    v128.store(newSquare + at, v)
    v128.store(newWeight + at, f32x4.sub(v128.load(weight + at), change))
  }
  for (; at < bytes; at += 4) {
    const g = f32.load(gradient + at)
    const m = f32.load(mean + at) * beta1 + g * rest1
    const v = f32.load(square + at) * beta2 + g * g * rest2
    f32.store(newMean + at, m)
    f32.store(newSquare + at, v)
    const change = (m / (f32.sqrt(v) * scale + epsilon)) * rate
    f32.store(newWeight + at, f32.load(weight + at) - change)
  }
}

/** out = gradient + mu (weight - anchor): the proximal term of FedProx. */
export function proxGradient(gradient: usize, weight: usize, anchor: usize, out: usize, length: i32, mu: f32): void {
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const pull = f32x4.mul(f32x4.sub(v128.load(weight + at), v128.load(anchor + at)), f32x4.splat(mu))
    v128.store(out + at, f32x4.add(v128.load(gradient + at), pull))
  }
  for (; at < bytes; at += 4)
    f32.store(out + at, f32.load(gradient + at) + (f32.load(weight + at) - f32.load(anchor + at)) * mu)
}
