import { applied } from './unit-matching.ts'
import type { Layer } from './weight-matching.ts'

// Repairs of the mean of two multilayer perceptrons, by float64 loops.

type Rows = readonly (readonly number[])[]

export function meanLayers(a: readonly Layer[], b: readonly Layer[]): Layer[] {
  return a.map(({ kernel, bias }, l) => ({
    kernel: kernel.map((row, i) => row.map((value, unit) => (value + b[l]!.kernel[i]![unit]!) / 2)),
    bias: bias.map((value, unit) => (value + b[l]!.bias[unit]!) / 2),
  }))
}

/** REPAIR, or RESCALE without `shift`, with the statistics of all examples at once. */
export function renormalizedLayers(a: readonly Layer[], b: readonly Layer[], x: Rows, shift: boolean): Layer[] {
  const result = meanLayers(a, b)
  let [left, right, own] = [x, x, x]
  for (const [l, layer] of result.slice(0, -1).entries()) {
    const [f, g, h] = [applied(a[l]!, left), applied(b[l]!, right), applied(layer, own)]
    const maps = layer.bias.map((_, unit) => {
      const [first, second, merged] = [f, g, h].map(rows => moments(rows.map(row => row[unit]!)))
      const scale = (first!.deviation + second!.deviation) / 2 / merged!.deviation
      return { scale, offset: shift ? (first!.mean + second!.mean) / 2 - scale * merged!.mean : 0 }
    })
    result[l] = {
      kernel: layer.kernel.map(row => row.map((value, unit) => value * maps[unit]!.scale)),
      bias: layer.bias.map((value, unit) => value * maps[unit]!.scale + maps[unit]!.offset),
    }
    ;[left, right] = [relu(f), relu(g)]
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
