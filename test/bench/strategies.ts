import { prepareEngine } from '../../src/compute/choose.ts'
import { extraShapes } from '../../src/core/extras.ts'
import { layoutOf } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { presets } from '../../src/strategies/index.ts'
import { extrasOf, resolveStrategy } from '../../src/strategies/strategy.ts'
import type { Bench } from './benches.ts'
import { ms } from './stage.ts'

const [CLIENTS, BLOCKS, SIZE] = [32, 4, 250_000]
const TURNS = 3

/**
 * Presets that differ from FedAvg on the server only in what a bench without clients, or the first of several rounds, cannot show, or need
 * a norm layer or, as regMean, dense ones, or, as adaMerging, a network and data.
 */
const LEFT_OUT = new Set([
  ...['fedbn', 'fedprox', 'fedrep', 'fedbabu', 'fedper', 'lg', 'barrierDriven', 'regMean'],
  ...['fedsam', 'fedgucci', 'fedgucciPlus', 'copra', 'fedala', 'pfedla', 'adaMerging'],
])

/** Every preset that averages in a way of its own, in turns with the weighted mean; CPU time, not the clock. */
export const strategies: Bench = {
  what: `every way of averaging, ${CLIENTS} clients × ${BLOCKS * SIZE} parameters: least CPU time of ${TURNS}, and that of fedavg in the same turns`,
  async run() {
    const { name: engine } = await prepareEngine('auto')
    const layout = layoutOf(
      Array.from({ length: BLOCKS }, (_, i) => ({
        ...{ name: `fc${i}/kernel`, shape: [SIZE], kind: 'kernel' as const, trainable: true },
      })),
    )
    const rng = createRng(1)
    const vector = () => Float32Array.from({ length: layout.size }, () => rng.next() - 0.5)
    const global = vector()
    const members = Array.from({ length: CLIENTS }, (_, client) => ({
      client,
      numExamples: client + 1,
      params: vector(),
    }))
    const cpuOf = async (preset: string) => {
      const strategy = resolveStrategy({ preset: preset as never }, layout)
      const shapes = extraShapes(layout, extrasOf(strategy))
      const extras = new Map(
        shapes.map(({ name, size }) => [name, Float32Array.from({ length: size }, () => rng.next())]),
      )
      const sent = members.map(member => ({ ...member, extras }))
      const start = process.cpuUsage()
      await aggregate(strategy, { round: 1, layout, global, members: sent, state: null, rng })
      const { user, system } = process.cpuUsage(start)
      return (user + system) / 1000
    }
    const rows: Record<string, string> = { engine }
    for (const { name } of presets.members.filter(preset => !LEFT_OUT.has(preset.name))) {
      let [least, base] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
      for (let turn = 0; turn < TURNS; turn++) {
        base = Math.min(base, await cpuOf('fedavg'))
        least = Math.min(least, await cpuOf(name))
      }
      rows[name] = `${ms(least)}, ${(least / base).toFixed(1)} × fedavg`
    }
    return rows
  },
}
