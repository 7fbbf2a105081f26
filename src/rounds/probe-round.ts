import type { Endpoint, Evaluate, EvaluateFamily } from '../analysis/evaluation.ts'
import { probeGroup } from '../analysis/group.ts'
import { probeGroupLayers } from '../analysis/group-layers.ts'
import type { PathSpec } from '../analysis/paths/path.ts'
import type { Between } from '../analysis/plan.ts'
import { probeBarriers } from '../analysis/probe.ts'
import { scheduleProbe } from '../analysis/schedule.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { Trained } from './closed-round.ts'
import { type Choice, clientsToProbe, pairsToProbe, requireOwnPairs } from './probe-pairs.ts'
import type { ProbePlan } from './probe-plan.ts'
import type { Session } from './session.ts'

/** Models to measure together: the ends of some paths, or a group and its mean. */
export interface ProbeUnit {
  readonly split: BarrierRecord['split']
  /** "client/3", "global", "init": two ends, or the members of a group. */
  readonly ids: readonly string[]
  /** Whose training data the split `train` is drawn from. */
  readonly clients: readonly number[]
  /** Of two ends; or the barrier of a group, of the whole model or of each layer. */
  readonly paths: readonly PathSpec[] | 'group' | 'groupLayers'
}

/** What a plan measures of a round in which `cohort` trained, without what is `known` already. */
export function probeUnits(
  { rng, layout }: Pick<Session, 'rng' | 'layout'>,
  plan: ProbePlan,
  { round, cohort, kept = cohort, known = NOTHING }: ProbedRound,
): readonly ProbeUnit[] {
  const units = plan.splits.flatMap(split =>
    plan.between.flatMap(between =>
      UNITS[between]({ rng, round, cohort, kept, ...plan }).map(unit => ({ split, ...unit })),
    ),
  )
  if (known.size === 0) return units
  return units.flatMap(unit => {
    const key = (spec: PathSpec) =>
      barrierKey({ ...spec, round, between: unit.ids, split: unit.split, interpolation: plan.grid })
    if (typeof unit.paths === 'string') {
      const layers = unit.paths === 'group' ? [null] : layout.blocks.map(({ name }) => name)
      const group = { ...GROUP, round, between: unit.ids, split: unit.split }
      return layers.every(layer => known.has(barrierKey({ ...group, layer }))) ? [] : [unit]
    }
    const paths = unit.paths.filter(spec => !known.has(key(spec)))
    return paths.length > 0 ? [{ ...unit, paths }] : []
  })
}

/** Throws `probe_models_missing` where the models of what the plan compares are not there. */
export function requireModels(
  { rng }: Pick<Session, 'rng'>,
  plan: ProbePlan,
  { round, cohort, kept = cohort }: ProbedRound,
) {
  for (const between of ['clients', 'global', 'init'] as const)
    if (plan.between.includes(between)) requireOwnPairs({ rng, round, cohort, kept, ...plan }, between)
}

export interface ProbedRound {
  readonly round: number
  /** Clients that completed the round, ascending. */
  readonly cohort: readonly number[]
  /** Those whose trained models there are, ascending; all of them when left out. */
  readonly kept?: readonly number[] | undefined
  /** Keys (`barrierKey`) of what need not be measured again. */
  readonly known?: ReadonlySet<string> | undefined
}

const NOTHING: ReadonlySet<string> = new Set()
const GROUP = { path: 'group', order: null, base: null, layers: [], interpolation: [] } as const

/** Equal for barriers that measure the same thing, on the same examples. The layers of a group barrier are those of `layer`, or all of them. */
export function barrierKey(
  barrier: Readonly<Pick<BarrierRecord, 'round' | 'path' | 'layer' | 'order' | 'base' | 'split'>> & {
    readonly layers: readonly string[]
    readonly between: readonly string[]
    readonly interpolation: readonly number[]
  },
): string {
  const { round, path, layer, layers, order, base, between, split, interpolation } = barrier
  return JSON.stringify([
    round,
    path,
    layer,
    path === 'group' ? [] : layers,
    order,
    base,
    between,
    split,
    interpolation,
  ])
}

/** Models that a unit evaluates, at most: those whose layers agree in every bit are evaluated once. */
export function evaluationsOf({ paths, ids }: ProbeUnit, layout: LayerLayout, grid: readonly number[]): number {
  if (paths === 'group') return ids.length + 1
  if (paths === 'groupLayers') return ids.length * (layout.blocks.length + 1)
  const [a, b] = [new Float32Array(layout.size), new Float32Array(layout.size).fill(1)]
  return scheduleProbe({ layout, a, b, paths, grid }).mixtures.length
}

/** Measures the units one after another; `progress` is told how many models have been evaluated. */
export async function measureUnits(
  session: Session,
  plan: ProbePlan,
  { round, units, trained, progress = () => {} }: MeasuredUnits,
): Promise<BarrierRecord[]> {
  const records: BarrierRecord[] = []
  let before = 0
  for (const unit of units) {
    const planned = evaluationsOf(unit, session.layout, plan.grid)
    records.push(...(await measure(session, plan, { round, unit, trained, told: done => progress(before + done) })))
    before += planned
    progress(before)
  }
  return records
}

export interface MeasuredUnits {
  readonly round: number
  readonly units: readonly ProbeUnit[]
  readonly trained: readonly Trained[]
  readonly progress?: ((evaluations: number) => void) | undefined
}

async function measure(
  session: Session,
  plan: ProbePlan,
  {
    round,
    unit,
    trained,
    told,
  }: { round: number; unit: ProbeUnit; trained: readonly Trained[]; told(done: number): void },
): Promise<BarrierRecord[]> {
  const { layout } = session
  const { split, paths, clients } = unit
  const on = evaluator(session, plan, { split, clients, round, told })
  const ends = unit.ids.map(id => endpoint(session, trained, id, unit))
  if (paths === 'group') return [await probeGroup({ round, layout, members: ends, split, ...on })]
  if (paths === 'groupLayers') return probeGroupLayers({ round, layout, members: ends, split, ...on })
  const [a, b] = ends as [Endpoint, Endpoint]
  return probeBarriers({ round, layout, a, b, paths, grid: plan.grid, split, ...on })
}

export interface Evaluator {
  readonly evaluate: Evaluate
  readonly evaluateFamily: EvaluateFamily
}

/** On the examples that the round's probes of these clients use; `told` hears how many models have been evaluated. */
export function evaluator(
  session: Session,
  plan: ProbePlan,
  { split, clients, round, told = () => {} }: EvaluatedOn,
): Evaluator {
  const indices = plan.examplesOf(split, clients, round)
  const alone = split === 'test' ? session.evaluateTest : session.evaluateTrain
  let done = 0
  return {
    async evaluate(params) {
      const evaluation = await alone(params, indices)
      told(++done)
      return evaluation
    },
    evaluateFamily: family =>
      session.evaluateMany(split, family, indices, (seen, all) =>
        told(Math.floor((family.models.length * seen) / all)),
      ),
  }
}

export interface EvaluatedOn {
  readonly split: BarrierRecord['split']
  readonly clients: readonly number[]
  readonly round: number
  told?(evaluations: number): void
}

/** "global" and "init" are those of the client that they are compared with. */
function endpoint(session: Session, trained: readonly Trained[], id: string, { ids }: ProbeUnit): Endpoint {
  const of = Number((id.startsWith(CLIENT) ? id : ids[0]!).slice(CLIENT.length))
  const member = trained.find(({ client }) => client === of)!
  if (id === 'global') return { id, params: member.after }
  return { id, params: id === 'init' ? session.initialOf(of) : member.before }
}

type UnitsOf = Choice & Pick<ProbePlan, 'paths'>

const CLIENT = 'client/'
const name = (client: number) => `${CLIENT}${client}`

const UNITS: Readonly<Record<Between, (given: UnitsOf) => readonly Omit<ProbeUnit, 'split'>[]>> = {
  /** Pairs of clients, each model as it was trained, on the union of the two clients' data (split train). */
  clients: choice => pairsToProbe(choice).map(pair => ({ ids: pair.map(name), clients: pair, paths: choice.paths })),

  /** A client's trained model and the model it has after averaging, on the whole cohort's data. */
  global: choice =>
    clientsToProbe(choice, 'global').map(client => ({
      ...{ ids: [name(client), 'global'], clients: choice.cohort, paths: choice.paths },
    })),

  /** A client's trained model and the model that it began the run with, on that client's data. */
  init: choice =>
    clientsToProbe(choice, 'init').map(client => ({
      ...{ ids: [name(client), 'init'], clients: [client], paths: choice.paths },
    })),

  /** The mean of the cohort, as far as there are its models, against its members. */
  group: ({ kept }) => groupOf(kept, 'group'),

  /** Each member with the cohort's mean in one layer. */
  groupLayers: ({ kept }) => groupOf(kept, 'groupLayers'),
}

function groupOf(cohort: readonly number[], paths: 'group' | 'groupLayers') {
  return cohort.length === 0 ? [] : [{ ids: cohort.map(name), clients: cohort, paths }]
}
