import type { Endpoint, Evaluate, EvaluateFamily } from '../analysis/evaluation.ts'
import { probeGroup } from '../analysis/group.ts'
import { probeGroupLayers } from '../analysis/group-layers.ts'
import { interpolationGrid } from '../analysis/interpolate.ts'
import { type Between, betweenOf, probesRound } from '../analysis/plan.ts'
import { probeBarriers } from '../analysis/probe.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { Trained } from './closed-round.ts'
import { comparedPairs, comparedWithGlobal } from './compared.ts'
import type { Session } from './session.ts'

/** What the run file's `barriers:` section asks for after this round. */
export async function probeRound(
  session: Session,
  round: number,
  trained: readonly Trained[],
): Promise<BarrierRecord[]> {
  const plan = session.runFile.barriers
  if (!probesRound(plan, round) || trained.length === 0) return []
  const records: BarrierRecord[] = []
  for (const split of plan.splits)
    for (const between of betweenOf(plan)) records.push(...(await PROBES[between](session, round, trained, split)))
  return records
}

type Split = BarrierRecord['split']
type Probe = (session: Session, round: number, trained: readonly Trained[], split: Split) => Promise<BarrierRecord[]>

const PROBES: Readonly<Record<Between, Probe>> = {
  /** Pairs of clients, each model as it was trained, on the union of the two clients' data (split train). */
  async clients(session, round, trained, split) {
    const cohort = trained.map(({ client }) => client)
    const pairs = comparedPairs(session.rng, round, cohort, session.runFile.barriers.pairs)
    const records: BarrierRecord[] = []
    for (const pair of pairs) {
      const [a, b] = pair.map(client => endpoint(trained, client)) as [Endpoint, Endpoint]
      records.push(...(await probe(session, round, a, b, split, evaluator(session, round, pair, split))))
    }
    return records
  },

  /** A client's trained model and the model it has after averaging, on the whole cohort's data. */
  async global(session, round, trained, split) {
    const all = trained.map(({ client }) => client)
    const on = evaluator(session, round, all, split)
    const records: BarrierRecord[] = []
    for (const client of comparedWithGlobal(session.rng, round, all, session.runFile.barriers.pairs)) {
      const after = trained.find(member => member.client === client)!.after
      records.push(
        ...(await probe(session, round, endpoint(trained, client), { id: 'global', params: after }, split, on)),
      )
    }
    return records
  },

  /** The mean of the cohort against its members. */
  async group(session, round, trained, split) {
    const { layout } = session
    const members = trained.map(({ client }) => endpoint(trained, client))
    const all = trained.map(({ client }) => client)
    return [await probeGroup({ round, layout, members, split, ...evaluator(session, round, all, split) })]
  },

  /** Each member with the cohort's mean in one layer. */
  groupLayers(session, round, trained, split) {
    const { layout } = session
    const members = trained.map(({ client }) => endpoint(trained, client))
    const all = trained.map(({ client }) => client)
    return probeGroupLayers({ round, layout, members, split, ...evaluator(session, round, all, split) })
  },
}

function probe(session: Session, round: number, a: Endpoint, b: Endpoint, split: Split, on: Evaluator) {
  const { layout } = session
  const grid = interpolationGrid(session.runFile.barriers.interpolation)
  return probeBarriers({ round, layout, a, b, paths: session.probePaths, grid, split, ...on })
}

function endpoint(trained: readonly Trained[], client: number): Endpoint {
  return { id: `client/${client}`, params: trained.find(member => member.client === client)!.before }
}

interface Evaluator {
  readonly evaluate: Evaluate
  readonly evaluateFamily: EvaluateFamily
}

/** On the examples that the round's probes of these clients use. */
export function evaluator(session: Session, round: number, clients: readonly number[], split: Split): Evaluator {
  const indices = split === 'test' ? session.probeTest : session.probeTrain(clients, round)
  const alone = split === 'test' ? session.evaluateTest : session.evaluateTrain
  return {
    evaluate: params => alone(params, indices),
    evaluateFamily: family => session.evaluateMany(split, family, indices),
  }
}
