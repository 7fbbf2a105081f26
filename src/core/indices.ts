/** 0 … count - 1, e.g. to gather a whole set. */
export function range(count: number): Uint32Array {
  const indices = new Uint32Array(count)
  for (let i = 0; i < count; i++) indices[i] = i
  return indices
}
