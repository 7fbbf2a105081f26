import { applied } from './unit-matching.ts'
import type { Layer } from './weight-matching.ts'

// Repairs of the mean of multilayer perceptrons, by float64 loops.

type Rows = readonly (readonly number[])[]

type Model = readonly Layer[]

/** Σ w_k W_k; all weights alike when left out. */
export function meanLayers(parents: readonly Model[], weights = parents.map(() => 1 / parents.length)): Layer[] {
  const mean = (read: (parent: Model) => number) =>
    parents.reduce((sum, parent, k) => sum + weights[k]! * read(parent), 0)
  return parents[0]!.map(({ kernel, bias }, l) => ({
    kernel: kernel.map((row, i) => row.map((_, unit) => mean(parent => parent[l]!.kernel[i]![unit]!))),
    bias: bias.map((_, unit) => mean(parent => parent[l]!.bias[unit]!)),
  }))
}

/** REPAIR, or RESCALE without `shift`, of `average` with the statistics of all examples at once. */
export function renormalizedLayers(
  parents: readonly Model[],
  x: Rows,
  shift: boolean,
  weights = parents.map(() => 1 / parents.length),
  average: Model = meanLayers(parents, weights),
): Layer[] {
  const result = [...average]
  let [behind, own] = [parents.map(() => x), x]
  for (const [l, layer] of result.slice(0, -1).entries()) {
    const outputs = parents.map((parent, k) => applied(parent[l]!, behind[k]!))
    const merged = applied(layer, own)
    const maps = layer.bias.map((_, unit) => {
      const of = (rows: Rows) => moments(rows.map(row => row[unit]!))
      const wanted = (key: 'mean' | 'deviation') =>
        outputs.reduce((sum, rows, k) => sum + weights[k]! * of(rows)[key], 0)
      const scale = wanted('deviation') / of(merged).deviation
      return { scale, offset: shift ? wanted('mean') - scale * of(merged).mean : 0 }
    })
    result[l] = {
      kernel: layer.kernel.map(row => row.map((value, unit) => value * maps[unit]!.scale)),
      bias: layer.bias.map((value, unit) => value * maps[unit]!.scale + maps[unit]!.offset),
    }
    behind = outputs.map(relu)
    own = relu(applied(result[l]!, own))
  }
  return result
}

export function relu(rows: Rows): number[][] {
  return rows.map(row => row.map(value => Math.max(0, value)))
}

/** Back to a flat vector: kernel, bias, layer by layer. */
export function flat(layers: readonly Layer[]): number[] {
  return layers.flatMap(({ kernel, bias }) => [...kernel.flat(), ...bias])
}

function moments(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, deviation: Math.sqrt(variance) }
}
