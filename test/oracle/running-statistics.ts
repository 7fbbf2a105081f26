/** The tensors of a model with batch normalisation, and what becomes of its running statistics, in plain float64 loops. */

interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
}

/** Which positions of the flat vector are statistics, by the names that batch normalisation gives them. */
export function statisticPositions(tensors: readonly Tensor[]): boolean[] {
  return tensors.flatMap(({ name, shape }) => {
    const size = shape.reduce((product, extent) => product * extent, 1)
    return Array.from({ length: size }, () => /\/moving_(mean|variance)$/.test(name))
  })
}

/** The values at these positions, in order. */
export function valuesAt(positions: readonly boolean[], params: ArrayLike<number>, wanted = true): Float32Array {
  const values: number[] = []
  for (let i = 0; i < positions.length; i++) if (positions[i] === wanted) values.push(params[i]!)
  return Float32Array.from(values)
}

/** Σ n_k s_k / Σ n_k. */
export function meanByExamples(rows: readonly ArrayLike<number>[], examples: readonly number[]): number[] {
  let total = 0
  for (const n of examples) total += n
  return Array.from({ length: rows[0]!.length }, (_, i) => {
    let sum = 0
    for (let k = 0; k < rows.length; k++) sum += examples[k]! * rows[k]![i]!
    return sum / total
  })
}
