import { type ErrorDetail, FedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import { type Accountant, accountant } from '../privacy/accountant.ts'
import { sharedBlocks } from '../strategies/layer-rules.ts'
import { extrasOf, type Strategy } from '../strategies/strategy.ts'
import type { RunFile } from './run-file.ts'

/**
 * What the rounds of a run give away of one client, null without `privacy:`. Who is a neighbour follows from the sampling:
 * where each client is in a round by itself (or all are in all of them), a run without one of the clients, whose update is
 * then 0, so that the sum moves by clipNorm at most; in samples of a fixed size, a run in which that client is another one,
 * and the sum moves by 2 clipNorm.
 */
export function accountantOf({ privacy, clients }: Pick<RunFile, 'privacy' | 'clients'>): Accountant | null {
  if (!privacy) return null
  const noise = privacy.noiseMultiplier / (movesTwice(clients) ? 2 : 1)
  return accountant({ sampling: clients.sampling, rate: clients.perRound / clients.total, noise }, privacy.delta)
}

/** Whether the runs that epsilon compares differ by one client in place of another. */
export function movesTwice({ sampling, perRound, total }: RunFile['clients']): boolean {
  return sampling === 'fixed' && perRound < total
}

/** The last round that the run file's budget allows, and why there are no more; null when all rounds fit. */
export function budgetOf(runFile: RunFile): { readonly rounds: number; readonly reason: FedError } | null {
  const { privacy, rounds } = runFile
  if (privacy?.maxEpsilon === undefined) return null
  const spent = accountantOf(runFile)!
  const affordable = spent.affordable(privacy.maxEpsilon, rounds)
  if (affordable === rounds) return null
  const next = spent.epsilonAfter(affordable + 1)
  const reason = new FedError('privacy_spent', {
    expected: `epsilon of at most ${privacy.maxEpsilon} at delta ${privacy.delta}`,
    received: `${next.toFixed(4)} after round ${affordable + 1}`,
    hint: `The run ends with round ${affordable}`,
  })
  return { rounds: affordable, reason }
}

/** The last round of a run that nobody stops. */
export function lastRoundOf(runFile: RunFile): number {
  return budgetOf(runFile)?.rounds ?? runFile.rounds
}

/**
 * Refuses what the guarantee was not worked out for: `privacy_invalid`, with the key. The sum of clipped updates plus noise
 * must be all that one round tells the next about the clients.
 */
export function requirePrivacy(runFile: RunFile, strategy: Strategy, layout: LayerLayout): void {
  const { privacy } = runFile
  if (!privacy) return
  for (const look of Object.values(REFUSALS)) {
    const refusal = look(strategy, layout)
    if (refusal) throw new FedError('privacy_invalid', refusal)
  }
  const budget = budgetOf(runFile)
  if (budget?.rounds === 0)
    throw new FedError('privacy_invalid', {
      expected: `privacy.maxEpsilon of at least ${accountantOf(runFile)?.epsilonAfter(1).toFixed(4)}, what one round takes`,
      received: `${privacy.maxEpsilon}`,
      hint: 'Raise it or privacy.noiseMultiplier, or let fewer clients of more take part in a round',
    })
}

type Refusal = Required<Pick<ErrorDetail, 'expected' | 'received' | 'hint'>> | null

/** Looks at the noised sum, at one client's data alone, or at none. */
const fine = (): Refusal => null

/** By part of a strategy: one that is added has to be thought about here before it compiles. */
const REFUSALS: Readonly<Record<keyof Strategy, (strategy: Strategy, layout: LayerLayout) => Refusal>> = {
  name: fine,
  server: fine,
  divisor: fine,
  local: fine,
  rules: rulesRefusal,
  reducer: ({ reducer }) =>
    reducer.name === 'weightedMean'
      ? null
      : {
          expected: 'strategy.reduce weightedMean',
          received: reducer.name,
          hint: 'Noise hides a client in a sum of clipped updates; another reducer has another sensitivity',
        },
  filters: ({ filters }) =>
    filters.length === 0
      ? null
      : {
          expected: 'no strategy.filters',
          received: filters.map(({ name }) => name).join(', '),
          hint: 'privacy clips updates itself; what else changes them may depend on all clients',
        },
  selector: ({ selector }) => without('select', selector, 'A selector looks at the updates without noise'),
  align: ({ align }) => without('align', align, 'Aligning looks at the clients’ models without noise'),
  repair: ({ repair }) => without('repair', repair, 'A repair looks at training examples'),
  personal: ({ personal }) => without('personal', personal, 'What is mixed for one client is no noised sum'),
  exchange: strategy =>
    without('exchange', strategy.exchange ?? extrasOf(strategy)[0] ?? null, 'What else clients send has no noise'),
}

function without(section: string, part: { readonly name: string } | null, hint: string): Refusal {
  return part && { expected: `no strategy.${section}`, received: part.name, hint }
}

function rulesRefusal({ rules }: Strategy, layout: LayerLayout): Refusal {
  const weighted = rules.find(rule => rule.clientWeights !== undefined || rule.participation !== undefined)
  if (weighted)
    return {
      expected: 'layer rules in which all clients of a round count alike',
      received: weighted.participation === undefined ? 'clientWeights' : 'participation',
      hint: 'The sum is divided by the expected number of clients',
    }
  const statistics = sharedBlocks(rules, layout).find(({ tensors }) => tensors.some(({ trainable }) => !trainable))
  return statistics
    ? {
        expected: 'layers without running statistics, or such that stay local',
        received: statistics.name,
        hint: 'With noise a running variance may be negative: use norm: group, or average: none for them',
      }
    : null
}
