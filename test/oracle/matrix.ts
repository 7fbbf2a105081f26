/** Plain float64 loops: slow, and obviously right. Matrices are row by row in one array. */
export type Values = ArrayLike<number>

/** [m, k] x [k, n], each operand stored transposed when its flag says so. */
export function matMul(
  a: Values,
  b: Values,
  [m, k, n]: readonly [number, number, number],
  transposeA = false,
  transposeB = false,
): Float64Array {
  const out = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let l = 0; l < k; l++)
        out[i * n + j]! += a[transposeA ? l * m + i : i * k + l]! * b[transposeB ? j * k + l : l * n + j]!
  return out
}
