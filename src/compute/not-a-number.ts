/**
 * NaN as float32 has it: the pattern that JavaScript writes, and the one that x86 gives for ∞ − ∞, 0 · ∞ or √−1. A kernel that compares
 * bits as integers keeps the one and takes the other for a negative number, so whoever tries a kernel tries both.
 */
export const NAN_BITS = { written: 0x7fc00000, computed: 0xffc00000 } as const

/** float32 of `values`, each NaN of them with these bits. As a number a NaN has no bits to rely on: fill typed arrays alone. */
export function withNaN(bits: number, values: ArrayLike<number>): Float32Array {
  const copy = Float32Array.from(values)
  const words = new Uint32Array(copy.buffer)
  for (const [i, value] of copy.entries()) if (Number.isNaN(value)) words[i] = bits
  return copy
}
