import type { NetworkPlan } from '../../core/network-plan.ts'

/**
 * Where the gradient of each value lies during the way back; 0 for the input, which has none. A gradient is needed from
 * the last op that takes its value until the op that made the value is done, so regions are used again.
 */
export function slopeAddresses(
  { ops, inputSize }: NetworkPlan,
  capacity: number,
  allocate: (length: number) => number,
): readonly number[] {
  const sizes = [inputSize, ...ops.map(({ size }) => size)]
  const regions: (Region | undefined)[] = []
  const free: Region[] = []
  const take = (size: number): Region => {
    const fitting = free.filter(region => region.size >= size).sort((left, right) => left.size - right.size)
    const region = fitting[0] ?? { address: allocate(capacity * size), size }
    const at = free.indexOf(region)
    if (at >= 0) free.splice(at, 1)
    return region
  }
  regions[ops.length] = take(sizes[ops.length]!)
  for (let i = ops.length - 1; i >= 0; i--) {
    for (const input of ops[i]!.inputs) if (input > 0) regions[input] ??= take(sizes[input]!)
    const done = regions[i + 1]
    if (done) free.push(done)
  }
  return sizes.map((_, value) => regions[value]?.address ?? 0)
}

interface Region {
  readonly address: number
  /** float32 for each example. */
  readonly size: number
}
