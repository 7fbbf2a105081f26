/** The exponent bits of a float32; all set, they mean an infinity or NaN. */
const EXPONENT = 0x7f80_0000
/** The lowest of them: added to a full exponent it carries into the sign bit, and to no other. */
const CARRY = 0x0080_0000

/**
 * Whether the values from `from` up to, but without, `to` are all finite. Without a branch per value: every update of every
 * client passes through here, on the event loop, and so does what a strategy remembers of a round.
 */
export function allFinite(values: Float32Array, from = 0, to = values.length): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  let carried = 0
  for (let i = from; i < to; i++) carried |= (bits[i]! & EXPONENT) + CARRY
  return carried >= 0
}

/**
 * The first value that is not finite in these, in words: "NaN at fc1/kernel[13]", the index row-major from 0; null where all are.
 * For what is read from files: SHA-256 says that a file is the one that was written, not that it is a model.
 */
export function firstNotFinite(
  tensors: Iterable<{ readonly name: string; readonly data: Float32Array }>,
): string | null {
  for (const { name, data } of tensors) {
    if (allFinite(data)) continue
    const index = data.findIndex(value => !Number.isFinite(value))
    return `${data[index]} at ${name}[${index}]`
  }
  return null
}
