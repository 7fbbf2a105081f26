import { interpolationGrid } from '../../src/analysis/interpolate.ts'
import { pathSpecs } from '../../src/analysis/paths/registry.ts'
import { probeBarriers } from '../../src/analysis/probe.ts'
import { prepareEngine } from '../../src/compute/choose.ts'
import type { ModelFamily } from '../../src/core/model-family.ts'
import type { BarrierRecord } from '../../src/core/records.ts'
import { createRng } from '../../src/core/rng.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { evaluateFamily, stagePasses } from '../../src/training/evaluate-family.ts'
import type { Bench } from './benches.ts'
import { quantile } from './stage.ts'

const [EXAMPLES, PASSES] = [1000, 3]
const SHAPE = { inputShape: [32, 32, 3], numClasses: 10 }

/**
 * A whole probe of vgg8 (full path and every layer into both bases, three points each) on random images of CIFAR's shape, by
 * evaluating one model after another and by sharing what models have in common, in turns in one process.
 */
export const probe: Bench = {
  what: `probe of vgg8: full, every layer, both bases, grid 3, ${EXAMPLES} examples; CPU time, median of ${PASSES} in turns`,
  async run() {
    const { name } = await prepareEngine('auto')
    const network = await buildNetwork({ name: 'vgg8', init: 'heNormal' }, SHAPE)
    const { layout } = network
    const rng = createRng(1)
    const size = 32 * 32 * 3
    const examples = examplesOf(
      Float32Array.from({ length: EXAMPLES * size }, () => rng.next()),
      Uint8Array.from({ length: EXAMPLES }, (_, i) => i % 10),
      size,
      1,
    )
    const [a, b] = [1, 2].map(seed => ({ id: `${seed}`, params: network.init(createRng(seed)) }))
    const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng })
    let family: ModelFamily | undefined
    let models = 0
    const request = {
      ...{ round: 1, layout, a: a!, b: b!, paths, grid: interpolationGrid(3), split: 'test' as const },
      evaluate: (params: Float32Array) => {
        models++
        return evaluate(network, params, examples)
      },
    }
    const evaluateTogether = (wanted: ModelFamily) => {
      family = wanted
      return evaluateFamily(network, wanted, examples)
    }
    const times = { alone: [] as number[], shared: [] as number[] }
    let [alone, shared]: BarrierRecord[][] = [[], []]
    for (let pass = 0; pass < PASSES; pass++) {
      models = 0
      alone = await timed(times.alone, () => probeBarriers(request))
      shared = await timed(times.shared, () => probeBarriers({ ...request, evaluateFamily: evaluateTogether }))
    }
    const passes = stagePasses(network, family!)
    network.dispose()
    const [slow, fast] = [quantile(times.alone, 0.5), quantile(times.shared, 0.5)]
    return {
      engine: name,
      'models evaluated': `${models}; ${3 * paths.length} points of ${paths.length} paths`,
      'passes through a layer': `${passes.shared} of ${passes.alone} (${(100 * (1 - passes.shared / passes.alone)).toFixed(0)} % saved)`,
      'one after another': `${slow.toFixed(2)} s`,
      shared: `${fast.toFixed(2)} s, ${(slow / fast).toFixed(2)} × faster`,
      'largest difference of a loss or error': `${largestDifference(alone!, shared!)}`,
    }
  },
}

/** CPU seconds of this process: other people's load does not count. */
async function timed<T>(into: number[], run: () => Promise<T>): Promise<T> {
  const start = process.cpuUsage()
  const result = await run()
  const { user, system } = process.cpuUsage(start)
  into.push((user + system) / 1e6)
  return result
}

function largestDifference(left: readonly BarrierRecord[], right: readonly BarrierRecord[]): number {
  const values = (records: readonly BarrierRecord[]) => records.flatMap(({ loss, error }) => [...loss, ...error])
  const others = values(right)
  return Math.max(...values(left).map((value, i) => Math.abs((value ?? Number.NaN) - (others[i] ?? Number.NaN))))
}
