import { adaptiveOracle, momentumOracle, type Vector } from '../../strategies/oracle.ts'
import type { Block } from './round.ts'

type Options = Readonly<Record<string, number>>
/** From what was reduced in each round so far to the step of each round: what is remembered follows from that. */
type Oracle = (rounds: readonly Vector[], blocks: readonly Block[], options: object) => readonly Vector[]

/** By name, with the defaults of the run file. */
export const SERVER_OPTIMIZERS: Readonly<Record<string, Oracle>> = {
  sgd: (rounds, _, options) => {
    const { learningRate = 1 } = options as Options
    return rounds.map(deltas => deltas.map(delta => learningRate * delta))
  },
  momentum: (rounds, _, options) => byCoordinate(rounds, deltas => momentumOracle(deltas, options)),
  adam: (rounds, _, options) => byCoordinate(rounds, deltas => adaptiveOracle('adam', deltas, options)),
  yogi: (rounds, _, options) => byCoordinate(rounds, deltas => adaptiveOracle('yogi', deltas, options)),
  adagrad: (rounds, _, options) =>
    byCoordinate(rounds, deltas => adaptiveOracle('adagrad', deltas, { beta1: 0, ...options })),
  // Wang et al. 2025, equation 2, of a model whose layers are in no blocks of layers.
  lines: (rounds, blocks, options) => {
    const { shallow = 0.2, deep = 1 } = options as Options
    const factors = blocks.flatMap(({ start, end }, depth) =>
      new Array<number>(end - start).fill(shallow + ((deep - shallow) * depth) / (blocks.length - 1)),
    )
    return rounds.map(deltas => deltas.map((delta, i) => factors[i]! * delta))
  },
}

function byCoordinate(rounds: readonly Vector[], steps: (deltas: Vector) => Vector): readonly Vector[] {
  const columns = rounds[0]!.map((_, i) => steps(rounds.map(deltas => deltas[i]!)))
  return rounds.map((_, t) => columns.map(column => column[t]!))
}
