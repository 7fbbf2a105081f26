/**
 * out[segments, length] = in each segment the sum of the rows of x[rows, length] whose id it is, in row order; rows with
 * an id outside [0, segments) count nowhere, as in TensorFlow. `ids` are int32.
 */
export function segmentSum(x: usize, ids: usize, rows: i32, length: i32, out: usize, segments: i32): void {
  const line = <usize>length << 2
  memory.fill(out, 0, <usize>segments * line)
  for (let row: i32 = 0; row < rows; row++, ids += 4) {
    const id = i32.load(ids)
    const end = x + line
    if (id < 0 || id >= segments) {
      x = end
      continue
    }
    let to = out + <usize>id * line
    for (; x + 16 <= end; x += 16, to += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(x)))
    for (; x < end; x += 4, to += 4) f32.store(to, f32.load(to) + f32.load(x))
  }
}
