import { z } from 'zod'
import { comparedIn } from '../analysis/heights.ts'
import { interpolationGrid } from '../analysis/interpolate.ts'
import { barriersSchema, betweenOf } from '../analysis/plan.ts'
import type { BarrierRecord } from '../core/records.ts'
import { createRng } from '../core/rng.ts'
import { allOf, pagesOf } from './pages.ts'
import type { Store } from './ports.ts'
import { type Choice, clientsToProbe, pairsToProbe } from './probe-pairs.ts'
import { parseRunFile } from './run-file.ts'

type Query = Pick<Parameters<Store['barriers']>[1], 'path' | 'split' | 'round'> & {
  readonly probe?: number | undefined
}

/**
 * A run's barriers page by page. Of a probe everything that it asked for: what it measured, and what was there already
 * and so was not measured again, of the run or of earlier probes; all of it with the number of this probe. Throws
 * `run_not_found`, and `probe_not_found`.
 */
export async function* barrierPages(
  store: Store,
  run: string,
  { probe, ...query }: Query,
): AsyncGenerator<readonly BarrierRecord[]> {
  const asked = probe === undefined ? undefined : await askedBy(store, run, probe)
  for await (const page of pagesOf(each => store.barriers(run, { ...each, ...query }))) {
    if (asked === undefined) {
      yield page
      continue
    }
    const covered: BarrierRecord[] = []
    for (const record of page) if (await asked(record)) covered.push({ ...record, probe: probe! })
    yield covered
  }
}

const requestSchema = z.looseObject({ ...barriersSchema.shape, rounds: z.array(z.int()), own: z.boolean().optional() })

/** Whether a row belongs to what a probe asked for: the same models, path and order, split, grid and examples. */
async function askedBy(store: Store, run: string, probe: number) {
  const { request } = await store.probe(run, probe)
  const found = requestSchema.safeParse(request)
  if (!found.success) return async (record: BarrierRecord) => record.probe === probe
  const { rounds, paths, orders, splits, examples, interpolation, pairs, own, ...asked } = found.data
  const runFile = parseRunFile(await store.runFile(run))
  const grid = interpolationGrid(interpolation).join()
  // Pairs beyond the run's own are drawn where a number was asked for.
  const wanted = (own ?? pairs === runFile.barriers.pairs) ? undefined : pairs
  const between = betweenOf(asked)
  const kept = new Map<number, number[]>()
  for (const { round, client } of await allOf(page => store.models(run, page)))
    if (client !== null) kept.set(round, [...(kept.get(round) ?? []), client])

  const modelsOf = once(async (round: number) => {
    const updates = await allOf(page => store.updates(run, round, page))
    const cohort = updates.flatMap(({ client, status }) => (status === 'completed' ? [client] : []))
    return compared({
      ...{ rng: createRng(runFile.seed), round, ran: runFile.barriers, pairs: wanted },
      ...{ cohort: cohort.toSorted((a, b) => a - b), kept: (kept.get(round) ?? []).toSorted((a, b) => a - b) },
    })
  })
  const examplesOf = once(async (by: number) => Number((await store.probe(run, by)).request['examples']))

  return async (record: BarrierRecord): Promise<boolean> => {
    const { round, path, order, split, probe: by } = record
    if (by === probe) return true
    if (by !== undefined && by > probe) return false
    const kind = comparedIn(record)
    if (kind === 'group' || !between.includes(kind)) return false
    if (!rounds.includes(round) || !splits.includes(split) || !paths.some(each => each === path)) return false
    if (order !== null && !orders.includes(order)) return false
    if (record.interpolation.join() !== grid) return false
    if (examples !== (by === undefined ? runFile.barriers.examples : await examplesOf(by))) return false
    return (await modelsOf(round)).has(record.between.join())
  }
}

/** Of each kind the two models of every pair that the probe compares. */
function compared(choice: Choice): ReadonlySet<string> {
  const client = (number: number) => `client/${number}`
  return new Set([
    ...pairsToProbe(choice).map(pair => pair.map(client).join()),
    ...(['global', 'init'] as const).flatMap(end => clientsToProbe(choice, end).map(each => `${client(each)},${end}`)),
  ])
}

function once<T>(find: (key: number) => Promise<T>): (key: number) => Promise<T> {
  const found = new Map<number, Promise<T>>()
  return key => {
    const known = found.get(key) ?? find(key)
    found.set(key, known)
    return known
  }
}
