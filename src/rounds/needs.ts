import { blocksMatching } from '../core/block-pattern.ts'
import { FedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import { sharedBlocks } from '../strategies/layer-rules.ts'
import { needsOf, type Strategy } from '../strategies/strategy.ts'
import type { Needs } from '../strategies/transform.ts'
import type { RunFile } from './run-file.ts'

/**
 * Refuses a run that lacks what a part of its strategy cannot do without: `strategy_invalid`, with the key that is too low.
 * A round may close with `round.quorum` updates, so that has to be enough.
 */
export function requireNeeds(
  runFile: Pick<RunFile, 'clients' | 'round' | 'local' | 'serverData'>,
  strategy: Strategy,
  layout: LayerLayout,
): void {
  for (const needs of needsOf(strategy)) {
    requireClients(runFile, needs)
    if (needs.plainSteps) requirePlainSteps(runFile, needs)
    if (needs.connectivity) requireConnectivity(runFile, strategy, needs)
    if (needs.wholeRounds) requireWholeRounds(strategy, needs)
    if (needs.serverData) requireServerData(runFile, needs)
    if (needs.allClients) requireAllClients(strategy, needs)
    if (needs.shared) requireShared(strategy, layout, needs.shared, needs)
  }
}

function requireClients(
  { clients, round }: Pick<RunFile, 'clients' | 'round'>,
  { clients: least = 1, why }: Needs,
): void {
  if (clients.sampling === 'poisson' && least > 1)
    throw new FedError('strategy_invalid', {
      expected: 'clients.sampling fixed',
      received: 'poisson',
      hint: `${why}: a sample may turn out smaller`,
    })
  for (const [key, given] of [
    ['clients.perRound', clients.perRound],
    ['round.quorum', round.quorum ?? 1],
  ] as const)
    if (given < least)
      throw new FedError('strategy_invalid', {
        expected: `${key} of at least ${least}`,
        received: `${given}`,
        hint: `${why}: raise ${key} to ${least}`,
      })
}

function requirePlainSteps({ local: { optimizer } }: Pick<RunFile, 'local'>, { why }: Needs): void {
  if (optimizer.name === 'sgd' && optimizer.momentum === 0) return
  throw new FedError('strategy_invalid', {
    expected: 'local.optimizer sgd without momentum',
    received: optimizer.name === 'sgd' ? `momentum ${optimizer.momentum}` : optimizer.name,
    hint: `${why}: steps have to be learning rate times gradient`,
  })
}

function requireConnectivity({ local }: Pick<RunFile, 'local'>, strategy: Strategy, { why }: Needs): void {
  if (local.connectivity ?? strategy.local.connectivity) return
  throw new FedError('strategy_invalid', {
    expected: 'local.connectivity',
    received: 'none',
    hint: `${why}: add local.connectivity: {}`,
  })
}

function requireWholeRounds({ rules, selector }: Strategy, { why }: Needs): void {
  const wrong = (received: string) =>
    new FedError('strategy_invalid', {
      expected: 'layers that are averaged in every round by all its clients, or never',
      received,
      hint: why,
    })
  if (selector) throw wrong(`select: ${selector.name}`)
  for (const rule of rules)
    for (const key of ['every', 'until', 'pick', 'participation'] as const)
      if (rule[key] !== undefined) throw wrong(`${key} in a layer rule`)
}

function requireServerData({ serverData }: Pick<RunFile, 'serverData'>, { why }: Needs): void {
  if (serverData.examples > 0) return
  throw new FedError('strategy_invalid', {
    expected: 'serverData.examples of at least 1',
    received: `${serverData.examples}`,
    hint: `${why}: say how many the coordinator takes from the training data`,
  })
}

function requireAllClients({ rules }: Strategy, { why }: Needs): void {
  if (rules.every(({ clientWeights }) => clientWeights === undefined)) return
  throw new FedError('strategy_invalid', {
    expected: 'layer rules in which all clients of a round count',
    received: 'clientWeights',
    hint: why,
  })
}

/** Throws `layer_unknown` for a pattern that names no block. */
function requireShared({ rules }: Strategy, layout: LayerLayout, patterns: readonly string[], { why }: Needs): void {
  const shared = sharedBlocks(rules, layout)
  const local = blocksMatching(layout, patterns).filter(block => !shared.includes(block))
  if (local.length === 0) return
  throw new FedError('strategy_invalid', {
    expected: `${patterns.join(', ')} averaged`,
    received: `${local.map(({ name }) => name).join(', ')} local by strategy.layers`,
    hint: why,
  })
}
