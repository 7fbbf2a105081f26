import { addressOf } from '../heap.ts'
import { packOf } from '../pack.ts'
import { addUp, type Reduction, type ReductionCall } from '../reduction.ts'
import { meanWith, sumWith } from '../sum.ts'

export const sum = sumWith(add)
export const mean = meanWith(add)

function add({ backend }: ReductionCall, reduction: Reduction): void {
  const pack = packOf(backend)
  const { x, out, outer, count, inner } = reduction
  const [from, to] = [addressOf(backend, x), addressOf(backend, out)]
  if (!pack) addUp(backend, reduction)
  else if (inner === 1) pack.rowSums(from, outer, count, to)
  else {
    const scratch = pack.scratch(8 * inner)
    for (let block = 0; block < outer; block++)
      pack.columnSums(from + 4 * block * count * inner, count, inner, to + 4 * block * inner, scratch)
  }
}
