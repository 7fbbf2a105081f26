import { FedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import { type Accountant, accountant, accountantBy } from '../privacy/accountant.ts'
import type { Strategy } from '../strategies/strategy.ts'
import { type Refusal, refusalOf } from './privacy-refusals.ts'
import type { RunFile } from './run-file.ts'
import { cohortOf } from './sampling.ts'

/**
 * What the rounds of a run give away of one client, null without `privacy:`; `epsilonAfter` counts rounds.
 *
 * Noise on the sum: who is a neighbour follows from the sampling. Where each client is in a round by itself (or all are in
 * all of them), a run without one of the clients, whose update is then 0, so that the sum moves by clipNorm at most; in samples
 * of a fixed size, a run in which that client is another one, and the sum moves by 2 clipNorm.
 *
 * Noise on the updates: a run in which one client has any other data, whose update then moves by 2 clipNorm. Who sees the
 * updates sees who is in a round, so sampling hides nothing, and what counts is how often a client was asked: that of the client
 * who was asked most.
 */
export function accountantOf(runFile: Pick<RunFile, 'privacy' | 'clients' | 'seed' | 'round'>): Accountant | null {
  const { privacy, clients } = runFile
  if (!privacy) return null
  const noise = privacy.noiseMultiplier / (movesTwice(runFile) ? 2 : 1)
  if (privacy.noiseOn === 'updates') {
    const { epsilonAfter } = accountant({ sampling: 'fixed', rate: 1, noise }, privacy.delta)
    const asked = mostAsked(runFile)
    return accountantBy(round => epsilonAfter(asked(round)), privacy.delta)
  }
  return accountant({ sampling: clients.sampling, rate: clients.perRound / clients.total, noise }, privacy.delta)
}

/** Whether the runs that epsilon compares differ by one client in place of another. */
export function movesTwice({ privacy, clients }: Pick<RunFile, 'privacy' | 'clients'>): boolean {
  if (privacy?.noiseOn === 'updates') return true
  return clients.sampling === 'fixed' && clients.perRound < clients.total
}

/** How often a client was asked in the rounds up to one, at most. */
function mostAsked(runFile: Pick<RunFile, 'clients' | 'seed' | 'round'>): (round: number) => number {
  const times = new Uint32Array(runFile.clients.total)
  const most = [0]
  return round => {
    for (let next = most.length; next <= round; next++) {
      for (const client of cohortOf(runFile, next)) times[client]!++
      most.push(times.reduce((largest, count) => Math.max(largest, count), 0))
    }
    return most[round]!
  }
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
  const refusal = refusalOf(privacy.noiseOn, strategy, layout) ?? memoryRefusal(runFile)
  if (refusal) throw new FedError('privacy_invalid', refusal)
  const budget = budgetOf(runFile)
  if (budget?.rounds === 0)
    throw new FedError('privacy_invalid', {
      expected: `privacy.maxEpsilon of at least ${accountantOf(runFile)?.epsilonAfter(1).toFixed(4)}, what one round takes`,
      received: `${privacy.maxEpsilon}`,
      hint: 'Raise it or privacy.noiseMultiplier, or let fewer clients of more take part in a round',
    })
}

function memoryRefusal({ privacy, local }: RunFile): Refusal {
  return privacy?.noiseOn === 'updates' && local.memory === 'keep'
    ? {
        expected: 'local.memory reset',
        received: 'keep',
        hint: 'The coordinator keeps the memory of optimizers for their clients, and would see it without noise',
      }
    : null
}
