import { meanOracle, medianOracle, trimmedMeanOracle, type Vector } from '../../strategies/oracle.ts'
import {
  combine,
  dot,
  electionOracle,
  fedldfOracle,
  fedlwsOracle,
  ldawaOracle,
  magMaxOracle,
  modelStockOracle,
  slerpOracle,
} from '../../strategies/oracle-merges.ts'
import {
  angular,
  bulyanOracle,
  centeredClipOracle,
  multiKrumOracle,
  squared,
  weiszfeldOracle,
} from '../../strategies/oracle-robust.ts'
import { elasticOracle, fisherOracle, regMeanOracle } from '../../strategies/oracle-statistics.ts'
import type { Block, Range, Round } from './round.ts'

type Options = Readonly<Record<string, unknown>>
/** From the updates of all weights to what they are reduced to. */
type Oracle = (updates: readonly Vector[], round: Round, options: Options) => number[]
type Scope = 'model' | 'layer' | 'tensor'

/** By name, with the defaults of the run file. */
export const REDUCERS: Readonly<Record<string, Oracle>> = {
  weightedMean: (updates, { shares }) => meanOracle(updates, shares),
  median: updates => medianOracle(updates),
  trimmedMean: (updates, _, { trim = 0.2 }) => trimmedMeanOracle(updates, Math.round(100 * (trim as number))),
  krum: scoped('model', (rows, _, { faulty = 1, distance }) =>
    multiKrumOracle(rows, faulty as number, 1, distance === 'cosine' ? angular : squared),
  ),
  multiKrum: scoped('model', (rows, _, { faulty = 1, keep = rows.length - (faulty as number), distance }) =>
    multiKrumOracle(rows, faulty as number, keep as number, distance === 'cosine' ? angular : squared),
  ),
  bulyan: scoped('model', (rows, _, { faulty = 1 }) => bulyanOracle(rows, faulty as number)),
  geometricMedian: scoped('model', (rows, { shares }, { smoothing = 0 }) =>
    weiszfeldOracle(rows, shares, smoothing as number, 5000),
  ),
  centeredClip: scoped('model', (rows, _, { maxNorm = 1, iterations = 3 }) =>
    centeredClipOracle(rows, maxNorm as number, iterations as number),
  ),
  taskArithmetic: (updates, { shares }, { scale = 0.3 }) =>
    combine(
      updates,
      shares.map(share => (scale as number) * shares.length * share),
    ),
  signElection: (updates, { shares }, { scale = 1 }) =>
    electionOracle(updates, shares).map(value => (scale as number) * value),
  magMax: (updates, _, { scale = 1 }) => magMaxOracle(updates).map(value => (scale as number) * value),
  modelStock: scoped('tensor', (rows, { shares }) => modelStockOracle(rows, shares)),
  slerp: scoped('tensor', (rows, { shares, global }) => {
    const models = rows.map(row => row.map((value, i) => global[i]! + value))
    return slerpOracle(models, shares).map((value, i) => value - global[i]!)
  }),
  fedldf: scoped('layer', (rows, { shares }, { keep = 4 }) => fedldfOracle(rows, shares, keep as number)),
  ldawa: scoped('layer', (rows, { shares, global }) => {
    const models = rows.map(row => row.map((value, i) => global[i]! + value))
    return ldawaOracle(models, shares, global).map((value, i) => value - global[i]!)
  }),
  fedlws: scoped('layer', (rows, { shares, global }, options) =>
    fedlwsOracle(rows, shares, global, options).map((value, i) => value - global[i]!),
  ),
  fisher: byBlock((rows, { shares, sent }, block, { floor = 1e-6 }) =>
    fisherOracle(rows, shares, extras(sent, 'fisher', block), floor as number),
  ),
  regMean: byBlock((rows, { shares, sent }, block, { offDiagonal = 0.9 }) => {
    const [inputs, units] = block.tensors[0]!.shape
    if (units === undefined) return combine(rows, shares) // not a dense layer
    const options = { inputs: inputs! + 1, offDiagonal: offDiagonal as number }
    return regMeanOracle(rows, shares, extras(sent, 'gram', block), options)
  }),
  elastic: byBlock((rows, { shares, sent }, block, { tau = 0.5 }) =>
    block.tensors.flatMap(({ start, end }, t) => {
      const inTensor = rows.map(row => row.slice(start - block.start, end - block.start))
      const sensitivities = extras(sent, 'sensitivity', block).map(values => values[t]!)
      return elasticOracle(inTensor, shares, sensitivities, tau as number)
    }),
  ),
  adaMerging: (updates, { blocks, global }, { init = 0.3, steps = 500, rate = 0.001 }) =>
    adaMergingOracle(updates, blocks, global, { init: init as number, steps: steps as number, rate: rate as number }),
}

/** Of the model, of each block or of each tensor by itself: as the option says, or by default. */
function scoped(
  byDefault: Scope,
  reduce: (rows: readonly Vector[], round: Pick<Round, 'shares' | 'global'>, options: Options) => number[],
): Oracle {
  return (updates, { shares, global, blocks }, { scope = byDefault, ...options }) => {
    const parts: readonly Range[] =
      scope === 'model'
        ? [{ start: 0, end: global.length }]
        : scope === 'layer'
          ? blocks
          : blocks.flatMap(({ tensors }) => tensors)
    return parts.flatMap(({ start, end }) => {
      const part = { shares, global: global.slice(start, end) }
      return reduce(
        updates.map(update => update.slice(start, end)),
        part,
        options,
      )
    })
  }
}

function byBlock(reduce: (rows: readonly Vector[], round: Round, block: Block, options: Options) => number[]): Oracle {
  return (updates, round, options) =>
    round.blocks.flatMap(block =>
      reduce(
        updates.map(update => update.slice(block.start, block.end)),
        round,
        block,
        options,
      ),
    )
}

function extras(sent: Round['sent'], name: string, block: Block): readonly ArrayLike<number>[] {
  return sent.map(({ extras }) => extras!.get(`${name}/${block.name}`)!)
}

/**
 * Yang et al. 2024, layer-wise, where the mean entropy of a model θ is ½ ‖θ‖², which has the gradient θ: Adam on a coefficient of
 * each layer and client, clipped to [0, 1] where it is used.
 */
function adaMergingOracle(
  updates: readonly Vector[],
  blocks: readonly Block[],
  global: Vector,
  { init, steps, rate }: { readonly init: number; readonly steps: number; readonly rate: number },
): number[] {
  return blocks.flatMap(({ start, end }) => {
    const rows = updates.map(update => update.slice(start, end))
    const before = global.slice(start, end)
    const lambdas = rows.map(() => init)
    const [mean, square] = [rows.map(() => 0), rows.map(() => 0)]
    const reduced = () =>
      combine(
        rows,
        lambdas.map(lambda => Math.min(1, Math.max(0, lambda))),
      )
    for (let step = 1; step <= steps; step++) {
      const gradient = reduced().map((value, i) => before[i]! + value)
      for (const [k, row] of rows.entries()) {
        const slope = lambdas[k]! < 0 || lambdas[k]! > 1 ? 0 : dot(gradient, row)
        mean[k] = 0.9 * mean[k]! + 0.1 * slope
        square[k] = 0.999 * square[k]! + 0.001 * slope * slope
        const root = Math.sqrt(square[k]! / (1 - 0.999 ** step))
        lambdas[k]! -= (rate * mean[k]!) / (1 - 0.9 ** step) / (root + 1e-8)
      }
    }
    return reduced()
  })
}
