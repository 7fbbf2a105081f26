import { type Scope, temporaryFolder } from '../cli/cli.ts'
import { serve } from '../faults/serve.ts'
import { parsePrometheus } from '../helpers/prometheus.ts'
import { heard } from '../socket/harness.ts'

/**
 * A long run in a coordinator of its own, whose memory is looked at every few rounds. Four clients send a model of 0.4 MB a
 * round: one copy of it that is not given back in each round would be a slope of its size.
 */
const RUN = {
  name: 'long',
  model: { name: 'mlp', hidden: [384] },
  data: { name: 'synthetic', dimension: 256, classes: 10, train: 400, test: 100 },
  barriers: { every: 10, between: ['clients'], examples: 50 },
  round: { deadlineSeconds: 3600, retries: 0 },
}
export const MODEL_BYTES = 4 * (256 * 384 + 384 + 384 * 10 + 10)

/** By what /metrics calls it. */
const WATCHED = {
  resident: 'process_resident_memory_bytes',
  heap: 'nodejs_heap_size_used_bytes',
  external: 'nodejs_external_memory_bytes',
  engine: 'fedstrata_engine_memory_bytes',
  tensors: 'fedstrata_engine_tensors',
} as const
export type Watched = keyof typeof WATCHED
const NAMES = Object.keys(WATCHED) as Watched[]

export interface MemoryReport {
  /** After the first fifth of the rounds, and at the end. */
  readonly early: Readonly<Record<Watched, number>>
  readonly late: Readonly<Record<Watched, number>>
  /** A round, over the rounds between the two. */
  readonly slope: Readonly<Record<Watched, number>>
}

export async function memorySoak(
  scope: Scope,
  { rounds, every = 5, say = () => undefined }: { rounds: number; every?: number; say?: (line: string) => void },
): Promise<MemoryReport> {
  const coordinator = await serve(scope, await temporaryFolder(scope))
  const look = async () => {
    const families = parsePrometheus(await (await fetch(new URL('/metrics', coordinator.url))).text())
    return byName(name => families.get(WATCHED[name])?.series.get(WATCHED[name]) ?? Number.NaN)
  }
  const opened = await coordinator.create({ ...RUN, rounds })
  const player = await coordinator.join(opened, 'p')
  const ended = heard(player.socket, 'run:end')
  player.work()
  const seen: [round: number, found: Record<Watched, number>][] = []
  for (let round = every; round <= rounds; round += every) {
    await player.task(0, round)
    const found = await look()
    if (round * 5 >= rounds) seen.push([round, found])
    if (round % (every * 20) === 0) say(`round ${round}: ${JSON.stringify(found)}`)
  }
  const [{ outcome }] = await ended
  if (outcome !== 'completed') throw new Error(`the run ${outcome}`)
  const slope = byName(name => slopeOf(seen.map(([round, found]) => [round, found[name]])))
  return { early: seen[0]![1], late: seen.at(-1)![1], slope }
}

/** The median of the slopes between all pairs (Theil and Sen): a collection of garbage here and there moves it little. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points
    .flatMap(([x, y], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)))
    .sort((a, b) => a - b)
  const middle = slopes.length >> 1
  return slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2
}

function byName(value: (name: Watched) => number): Record<Watched, number> {
  return Object.fromEntries(NAMES.map(name => [name, value(name)])) as Record<Watched, number>
}
