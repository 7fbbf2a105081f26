import { permutationsOf } from './permutations.ts'
import type { Layer } from './weight-matching.ts'

// The one-pass ways of matching hidden units, written from the papers for small multilayer perceptrons: by trying every permutation, in float64.

export type Order = readonly number[]

/** The order of the second model's units that costs least, by cost[unit of the first][unit of the second]. */
export function cheapest(cost: readonly (readonly number[])[]): Order {
  const total = (order: Order) => order.reduce((sum, unit, place) => sum + cost[place]![unit]!, 0)
  return permutationsOf(cost.length).reduce((best, order) => (total(order) < total(best) ? order : best))
}

/** The layer with what it reads in another order. */
export function reading({ kernel, bias }: Layer, order: Order | undefined): Layer {
  return { kernel: order ? order.map(input => kernel[input]!) : kernel, bias }
}

/** By unit, the weights that come in, the bias last. */
export function unitsOf({ kernel, bias }: Layer): readonly (readonly number[])[] {
  return bias.map((value, unit) => [...kernel.map(row => row[unit]!), value])
}

/** After each hidden layer, what its units give: [layer][example][unit]; before ReLU with `raw`. */
export function activationsOf(layers: readonly Layer[], x: readonly (readonly number[])[], raw = false) {
  let values = x
  return layers.slice(0, -1).map(layer => {
    const outputs = applied(layer, values)
    values = outputs.map(row => row.map(value => Math.max(0, value)))
    return raw ? outputs : values
  })
}

export function applied({ kernel, bias }: Layer, x: readonly (readonly number[])[]): number[][] {
  return x.map(row => bias.map((value, unit) => row.reduce((sum, input, i) => sum + input * kernel[i]![unit]!, value)))
}

/** Activation matching: −Pearson's r. */
export function byCorrelation(a: readonly Layer[], b: readonly Layer[], x: readonly (readonly number[])[]): Order[] {
  const [first, second] = [activationsOf(a, x), activationsOf(b, x)]
  return first.map((rows, l) =>
    cheapest(columns(rows).map(left => columns(second[l]!).map(right => -correlation(left, right)))),
  )
}

/** OT fusion with exact plans: squared distances of activations. */
export function byActivations(a: readonly Layer[], b: readonly Layer[], x: readonly (readonly number[])[]): Order[] {
  const [first, second] = [activationsOf(a, x), activationsOf(b, x)]
  return first.map((rows, l) =>
    cheapest(columns(rows).map(left => columns(second[l]!).map(right => squaredDistance(left, right)))),
  )
}

/** OT fusion with exact plans: squared distances of incoming weights, what they read being in order already. */
export function byWeights(a: readonly Layer[], b: readonly Layer[]): Order[] {
  const orders: Order[] = []
  for (const [l, layer] of a.slice(0, -1).entries()) {
    const other = unitsOf(reading(b[l]!, orders[l - 1]))
    orders.push(cheapest(unitsOf(layer).map(left => other.map(right => squaredDistance(left, right)))))
  }
  return orders
}

/** tr((W_a − P W_b) Σ (W_a − P W_b)ᵀ) with Σ written out: the second moment of the first model's inputs and a 1. */
export function byCovariance(a: readonly Layer[], b: readonly Layer[], x: readonly (readonly number[])[]): Order[] {
  const inputs = [x, ...activationsOf(a, x)]
  const orders: Order[] = []
  for (const [l, layer] of a.slice(0, -1).entries()) {
    const read = inputs[l]!.map(row => [...row, 1])
    const width = read[0]!.length
    const sigma = Array.from({ length: width }, (_, i) =>
      Array.from({ length: width }, (_, j) => read.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / read.length),
    )
    const form = (d: readonly number[]) =>
      d.reduce((sum, left, i) => sum + left * d.reduce((inner, right, j) => inner + sigma[i]![j]! * right, 0), 0)
    const other = unitsOf(reading(b[l]!, orders[l - 1]))
    orders.push(
      cheapest(unitsOf(layer).map(left => other.map(right => form(left.map((value, i) => value - right[i]!))))),
    )
  }
  return orders
}

/** The barycenter's orders for K models, by model and layer: orders and means in turns, begun at `start`. */
export function barycenterOrders(start: readonly Layer[], models: readonly (readonly Layer[])[]): Order[][] {
  const orders: Order[][] = models.map(() => [])
  for (const [l, layer] of start.slice(0, -1).entries()) {
    const units = models.map((model, k) => unitsOf(reading(model[l]!, orders[k]![l - 1])))
    let center = unitsOf(layer)
    for (let before = ''; ; ) {
      const found = units.map(of => cheapest(center.map(left => of.map(right => squaredDistance(left, right)))))
      if (JSON.stringify(found) === before) break
      before = JSON.stringify(found)
      center = center.map((row, place) =>
        row.map((_, i) => units.reduce((sum, of, k) => sum + of[found[k]![place]!]![i]!, 0) / units.length),
      )
      for (const [k, order] of found.entries()) orders[k]![l] = order
    }
  }
  return orders
}

function columns(rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return rows[0]!.map((_, unit) => rows.map(row => row[unit]!))
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const product = (u: readonly number[], v: readonly number[]) =>
    u.reduce((sum, value, i) => sum + (value - mean(u)) * (v[i]! - mean(v)), 0)
  const scale = Math.sqrt(product(a, a) * product(b, b))
  return scale > 0 ? product(a, b) / scale : 0
}
