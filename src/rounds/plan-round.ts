import { blocksMatching } from '../core/block-pattern.ts'
import { extraShapes } from '../core/extras.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { ClientRecord } from '../core/records.ts'
import { createRng, type Rng } from '../core/rng.ts'
import { blockSegment, OPTIMIZER_MEMORY } from '../protocol/segments.ts'
import { type LayerPlan, layerPlan, sharedBlocks, takesPart } from '../strategies/layer-rules.ts'
import { extrasOf, resolveStrategy, type Strategy } from '../strategies/strategy.ts'
import { fetched } from './exchanged.ts'
import { localPlanOf } from './local-plan.ts'
import type { ClientState, ServerState, Task, UpdateKey } from './ports.ts'
import { budgetOf } from './privacy.ts'
import { needsEveryone } from './quorum.ts'
import type { RunFile } from './run-file.ts'
import type { RoundPolicy } from './run-state.ts'
import { cohortOf } from './sampling.ts'
import { memoryOf, toldAfter } from './server-state.ts'

/**
 * The rules of the state machine, from the run file. With `patient`, for client processes that are all our own, no task is
 * given up while its process lives, and no round closes without a client: the result does not depend on how fast they are.
 */
export function policyOf(
  { runFile, strategy, layout }: Pick<TaskContext, 'runFile' | 'strategy' | 'layout'>,
  patient = false,
): RoundPolicy {
  const { clients, round } = runFile
  const budget = budgetOf(runFile)
  return {
    rounds: budget?.rounds ?? runFile.rounds,
    reason: budget?.reason,
    quorum: round.quorum ?? 1,
    everyone: patient || needsEveryone(runFile, strategy, layout),
    overdue: patient ? 'wait' : 'drop',
    // Of a sample without a fixed size all count.
    wanted: clients.sampling === 'fixed' ? clients.perRound : clients.total,
    retries: round.retries,
    // Nobody of ours is late: who is missing has died, and to go on without is another result.
    onShortfall: patient ? 'fail' : round.onShortfall,
    onDivergence: round.onDivergence,
    cohort: number => cohortOf(runFile, number),
  }
}

/**
 * What travels to one client in one round. A block comes from the client's own state where it has one; from its own
 * random start where starts are independent and the block was never averaged; from the global model otherwise, which
 * travels apart from the task, once to each process, but only for blocks that are averaged in some round: the others are as
 * in the start that all have in common, which a client knows from the seed. What an optimizer
 * remembers comes back, and is part of the client's own state then, where the run file wants it kept. Extras are asked of the
 * blocks that the client shares in this round.
 */
export function taskFor(key: UpdateKey, server: ServerState, context: TaskContext): Task {
  const { layout, strategy, runFile, shared, rng } = context
  const plan = context.planOf(key.round)
  const sends = (block: string) => {
    const rule = plan.averaged.get(block)
    return rule ? takesPart(rule, { block, ...key }, rng) : !context.fixed.has(block)
  }
  const { lastAveraged } = memoryOf(server)
  const own: ClientState = server.clients.get(key.client) ?? new Map()
  const names = layout.blocks.map(block => block.name)
  const initialise = names.filter(
    name => runFile.clients.init === 'independent' && lastAveraged[name] === undefined && !own.has(blockSegment(name)),
  )
  const reply = names.filter(sends)
  if (runFile.local.memory === 'keep') reply.push(OPTIMIZER_MEMORY)
  const extras = extraShapes(
    { blocks: layout.blocks.filter(({ name }) => plan.averaged.has(name) && sends(name)) },
    extrasOf(strategy).filter(({ until = key.round }) => key.round <= until),
  )
  const fetches = fetched({
    ...{ own, initialise, told: toldAfter(strategy, server), reordered: strategy.align !== null },
    mixes: block => strategy.personal?.keeps(block) ?? false,
    shared: layout.blocks.filter(({ name }) => shared.has(name)),
  })
  const numExamples = context.countOf(key.client)
  return { ...key, server, own, initialise, reply, numExamples, fetches, ...(extras.length > 0 && { extras }) }
}

export interface TaskContext {
  readonly runFile: RunFile
  readonly layout: LayerLayout
  readonly strategy: Strategy
  /** Blocks that some rule averages in some round. */
  readonly shared: ReadonlySet<string>
  /** Blocks that no client ever trains: they need not come back. */
  readonly fixed: ReadonlySet<string>
  /** The run's stream. */
  readonly rng: Rng
  /** What the client's updates count in the mean. */
  readonly countOf: (client: number) => number
  /** Of a round; kept while the tasks of that round go out, which may be a thousand in one turn of the event loop. */
  readonly planOf: (round: number) => LayerPlan
}

/** What `taskFor` needs to know of a run, once the model is built and the data are dealt to `clients`, in their order. */
export function taskContext(
  runFile: RunFile,
  layout: LayerLayout,
  clients: readonly Pick<ClientRecord, 'numTrain'>[],
): TaskContext {
  const strategy = resolveStrategy(runFile.strategy, layout)
  const shared = new Set(sharedBlocks(strategy.rules, layout).map(block => block.name))
  // A block that nobody trains is known to both sides, unless each client began with its own.
  const frozen = runFile.clients.init === 'shared' ? (localPlanOf(runFile, strategy).frozen ?? []) : []
  const fixed = new Set(blocksMatching(layout, frozen).map(block => block.name))
  const rng = createRng(runFile.seed)
  let last: { readonly round: number; readonly plan: LayerPlan } | null = null
  const planOf = (round: number): LayerPlan => {
    if (last?.round !== round) last = { round, plan: layerPlan(strategy.rules, layout, round, rng) }
    return last.plan
  }
  // How many examples a client has is of nobody's concern where its update is made private by itself. Of all others an epoch
  // takes every example, the last batch is short rather than left out, and each counts once however many epochs there are.
  const isSecret = runFile.privacy?.noiseOn === 'updates'
  const countOf = (client: number) => (isSecret ? 1 : clients[client]!.numTrain)
  return { runFile, layout, strategy, shared, fixed, rng, countOf, planOf }
}
