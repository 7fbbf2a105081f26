/** How a number came out over runs that differ only by their seed. */
export interface OverSeeds {
  readonly mean: number | null
  /** Of the sample: sqrt(Σ (x − mean)² / (n − 1)), for the seeds stand for all there could be; null for one run. */
  readonly standardDeviation: number | null
}

/** Of each key its mean and spread; null where one of the runs has no value: a mean over the rest would hide it. */
export function overSeeds<K extends string>(
  keys: readonly K[],
  runs: readonly Readonly<Record<K, number | null>>[],
): Record<K, OverSeeds> {
  return Object.fromEntries(keys.map(key => [key, overSeedsOf(runs.map(run => run[key]))])) as Record<K, OverSeeds>
}

function overSeedsOf(values: readonly (number | null)[]): OverSeeds {
  const finite = values.filter(value => value !== null)
  if (finite.length < values.length || finite.length === 0) return { mean: null, standardDeviation: null }
  const mean = sum(finite) / finite.length
  const squares = sum(finite.map(value => (value - mean) ** 2))
  return { mean, standardDeviation: finite.length === 1 ? null : Math.sqrt(squares / (finite.length - 1)) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
