import { type CurvesQuestion, isCurve, type MeanCurve, meanCurves } from '../analysis/barrier-curves.ts'
import { lastRound } from '../analysis/heights.ts'
import { FedError } from '../core/errors.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { Store } from './ports.ts'
import { barrierPages } from './probe-rows.ts'

export { type CurvesQuestion, curvesQuestion } from '../analysis/barrier-curves.ts'

/**
 * The curves of one round of a run, for the base asked for or for each of the two. Throws `run_not_found`, and
 * `barriers_missing`, which says what there is.
 */
export async function readBarrierCurves(store: Store, run: string, question: CurvesQuestion) {
  const { name, layers } = await store.run(run)
  const { round, records } = await recordsOf(store, run, question)
  const bases = question.base === undefined ? (['1', '2'] as const) : [question.base]
  const names = layers.map(layer => layer.name)
  const panels = bases.map(base => {
    const measured = meanCurves(records, names, question.value, base)
    return { base, curves: question.layers ? chosen(measured, question.layers) : measured }
  })
  return { ...question, run, name, round, panels }
}

/** Of the round asked for, or the last one; no other round's curves are held. */
async function recordsOf(store: Store, run: string, question: CurvesQuestion) {
  const { split, probe } = question
  const read = async function* (round?: number) {
    for (const path of ['full', 'layer'] as const)
      for await (const page of barrierPages(store, run, { path, split, probe, round }))
        for (const record of page) if (isCurve(record, question)) yield record
  }
  const measured: { readonly round: number; readonly probe: number | null }[] = []
  for await (const { round, probe: by = null } of read(question.round)) measured.push({ round, probe: by })
  const round = lastRound(measured)
  const records: BarrierRecord[] = []
  if (round !== null) {
    for await (const record of read(round)) records.push(record)
    return { round, records }
  }
  const rounds = new Set<number>()
  for await (const record of read()) rounds.add(record.round)
  throw missingBarriers(rounds, question.round, `${question.between}, ${split} split`)
}

function chosen(curves: readonly MeanCurve[], layers: readonly string[]): readonly MeanCurve[] {
  const measured = new Set(curves.map(({ layer }) => layer))
  const unknown = layers.find(layer => !measured.has(layer))
  if (unknown !== undefined)
    throw new FedError('barriers_missing', {
      expected: `layers with curves: ${[...measured].filter(layer => layer !== null).join(', ') || 'there are none'}`,
      received: unknown,
    })
  return curves.filter(({ layer }) => layer === null || layers.includes(layer))
}

/** `kind`: what was asked for, in words. */
export function missingBarriers(rounds: Iterable<number>, asked: number | undefined, kind: string): FedError {
  const measured = [...rounds].sort((a, b) => a - b)
  if (measured.length === 0)
    return new FedError('barriers_missing', {
      expected: `barriers of a round (${kind})`,
      received: 'a run without',
      hint: 'Let the run file\'s "barriers" measure them, or "fedstrata probe" if the run kept its models',
    })
  return new FedError('barriers_missing', {
    expected: `one of the rounds with barriers (${kind}): ${rangesOf(measured)}`,
    received: `round ${asked}`,
  })
}

/** 1-3, 5 for 1, 2, 3, 5. */
export function rangesOf(rounds: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const round of rounds) {
    const last = ranges.at(-1)
    if (last && round === last[1] + 1) last[1] = round
    else ranges.push([round, round])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
