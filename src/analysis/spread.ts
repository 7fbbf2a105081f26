/** How a value is distributed over the clients of a cohort, in the unit of the values. */
export interface Spread {
  readonly mean: number
  readonly min: number
  readonly max: number
  /** Of the population, sqrt(mean of (x − mean)²): the cohort is all there is, not a sample of it. */
  readonly standardDeviation: number
}

/**
 * Every client counts once, whatever its number of examples. null for no values; a value that is not finite makes the
 * mean and the deviation NaN or infinite.
 */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  const min = values.reduce((least, value) => Math.min(least, value))
  const max = values.reduce((most, value) => Math.max(most, value))
  // From the least value on, so that the mean of equal values is that value and not an ulp beside it.
  const mean = min + meanOf(values.map(value => value - min))
  return { mean, min, max, standardDeviation: Math.sqrt(meanOf(values.map(value => (value - mean) ** 2))) }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
