import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { layoutOf } from '../../src/core/layout.ts'
import type { CheckpointRecord } from '../../src/core/records.ts'
import type { ClosedRound, RoundJob } from '../../src/rounds/close-round.ts'
import { type EnginePorts, startRounds } from '../../src/rounds/engine.ts'
import type { GatewayEvents, RoundCommit, RunNotice, Task, UpdateDecision } from '../../src/rounds/ports.ts'
import { key, policyWith, serverAt, updateOf } from './script.ts'

const layout = layoutOf([{ name: 'fc1/kernel', shape: [1], kind: 'kernel', trainable: true }])

/** The engine on made-up ports: a clock that the test turns, a gateway that remembers, a computation that waits. */
function stage(changes: Partial<EnginePorts> = {}, policy = policyWith({ rounds: 2 })) {
  const log: string[] = []
  const commits: RoundCommit[] = []
  const notices: RunNotice[] = []
  const timers = new Map<() => void, number>()
  let now = 1000
  let events: GatewayEvents | undefined
  const jobs: { readonly job: RoundJob; finish(): void; fail(error: Error): void }[] = []
  const ports: EnginePorts = {
    clock: {
      now: () => now,
      date: () => new Date(now),
      after: (ms, fire) => {
        timers.set(fire, ms)
        return { cancel: () => timers.delete(fire) }
      },
    },
    store: {
      commitRound: async (_, commit) => {
        log.push(`commit ${commit.round.round}`)
        commits.push(commit)
      },
    },
    checkpoints: {
      save: async (_, server) => {
        log.push(`save ${server.round}`)
        return { round: server.round } as CheckpointRecord
      },
      prune: async (_, round) => {
        log.push(`prune ${round}`)
      },
    },
    closeRound: job =>
      new Promise((resolve, reject) => {
        log.push(`compute ${job.round}`)
        jobs.push({ job, finish: () => resolve(closedRound(job)), fail: reject })
      }),
    openGateway: given => {
      events = given
      return {
        assign: (process, task) => log.push(`assign ${task.client} to ${process} in ${task.round}`),
        withdraw: (process, { client }) => log.push(`withdraw ${client} from ${process}`),
        end: outcome => log.push(`end ${outcome}`),
        bytesDown: () => 400,
      }
    },
    notify: notice => notices.push(notice),
    ...changes,
  }
  const own = new Map([['block/fc1', new Float32Array(1)]])
  const task = (given: ReturnType<typeof key>): Task => ({
    ...given,
    server: serverAt(given.round - 1),
    own,
    initialise: [],
    reply: [],
  })
  const engine = startRounds({ id: 'run', layout, deadlineMs: 500, policy, server: serverAt(0), task }, ports)
  return { engine, events: events!, log, commits, notices, timers, jobs, advance: (ms: number) => (now += ms) }
}

function closedRound({ round }: RoundJob): ClosedRound {
  const phases = { aggregate: 1, evaluate: 2, probe: 3 }
  return {
    server: serverAt(round),
    averaged: ['fc1'],
    evaluation: { loss: 0.5, accuracy: 0.75 },
    metrics: [],
    barriers: [],
    phases,
  }
}

const tick = () => new Promise(resolve => setImmediate(resolve))

describe('the round engine', () => {
  test('computes, saves, commits, and only then begins the next round', async () => {
    const { events, log, jobs, engine } = stage()
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 11), updateOf(11, 'p')), events.update(key(1, 1), updateOf(1, 'p'))])
    assert.deepEqual(
      jobs[0]?.job.updates.map(({ client }) => client),
      [1, 11],
      'in client order, whatever the order of arrival',
    )
    jobs[0]?.finish()
    await tick()
    assert.deepEqual(log, [
      'assign 1 to p in 1',
      'assign 11 to p in 1',
      'compute 1',
      'save 1',
      'commit 1',
      'assign 2 to p in 2',
      'assign 12 to p in 2',
      'prune 0',
    ])
    engine.stop()
    assert.equal((await engine.ended).outcome, 'stopped')
  })

  test('an update is acknowledged with the decision, and refused ones say why and which round it is', async () => {
    const { events } = stage()
    events.joined('p', 10)
    const counted = await events.update(key(1, 1), updateOf(1, 'p'))
    assert.deepEqual(counted, { ok: true, duplicate: false, round: 1 } satisfies UpdateDecision)
    const refused = await events.update(key(0, 1), updateOf(1, 'p'))
    assert.ok(!refused.ok && refused.round === 1 && refused.error.code === 'round_closed')
    assert.equal(events.admit(key(1, 5))?.code, 'not_in_cohort')
  })

  test('the record tells who completed, was refused and was dropped, and pieces of time that add up', async () => {
    const { events, commits, jobs, timers, advance } = stage(
      {},
      policyWith({ rounds: 1, wanted: 3, cohort: () => [1, 2, 3] }),
    )
    events.joined('p', 10)
    advance(10)
    events.delivered(key(1, 1))
    advance(20)
    await events.update(key(1, 1), { ...updateOf(1, 'p'), openedAt: 1025, bytes: 77, numExamples: 3, trainLoss: 2 })
    events.refused(key(1, 2), 'p', new FedError('non_finite'))
    const [fire] = timers.keys()
    assert.equal(timers.get(fire!), 500)
    advance(470)
    fire!()
    jobs[0]?.finish()
    await tick()
    const { round, updates, metrics } = commits[0]!
    assert.deepEqual(round.clients, { selected: 3, completed: 1, dropped: 1, rejected: 1 })
    assert.deepEqual(
      updates.map(({ client, status, reason, bytesUp, bytesDown }) => ({ client, status, reason, bytesUp, bytesDown })),
      [
        { client: 1, status: 'completed', reason: null, bytesUp: 77, bytesDown: 4 },
        { client: 2, status: 'rejected', reason: 'non_finite', bytesUp: 0, bytesDown: 4 },
        { client: 3, status: 'dropped', reason: 'deadline', bytesUp: 0, bytesDown: 4 },
      ],
    )
    assert.deepEqual(round.phases, { dispatch: 10, train: 15, collect: 475, aggregate: 1, evaluate: 2, probe: 3 })
    assert.equal(round.durationMs, 500)
    const value = (name: string) => metrics.find(({ key, client }) => key === name && client === null)?.value
    assert.deepEqual(['train/loss', 'net/bytes_up', 'net/bytes_down'].map(value), [2, 77, 400])
  })

  test('a computation that fails ends the run as failed, with its code; nothing is committed', async () => {
    const { events, jobs, engine, commits, log } = stage()
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    jobs[0]?.fail(new FedError('training_diverged'))
    const { outcome, error } = await engine.ended
    assert.deepEqual([outcome, error?.code, commits.length], ['failed', 'training_diverged', 0])
    assert.equal(log.at(-1), 'end failed')
  })

  test('a commit that fails ends the run as failed: no round is announced that is not in the database', async () => {
    const commitRound = () => Promise.reject(new FedError('database_invalid'))
    const { events, jobs, engine, notices } = stage({ store: { commitRound } })
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    jobs[0]?.finish()
    assert.equal((await engine.ended).error?.code, 'database_invalid')
    assert.equal(notices.filter(({ type }) => type === 'round').length, 0)
  })

  test('a stop while a round is being closed waits for its commit', async () => {
    const { events, jobs, engine, commits } = stage()
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    engine.stop()
    jobs[0]?.finish()
    assert.equal((await engine.ended).outcome, 'stopped')
    assert.equal(commits.length, 1)
  })

  test('no deadline outlives its round', async () => {
    const { events, jobs, engine, timers } = stage()
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    assert.equal(timers.size, 0)
    jobs[0]?.finish()
    await tick()
    assert.equal(timers.size, 1)
    engine.stop()
    await engine.ended
    assert.equal(timers.size, 0)
  })
})
