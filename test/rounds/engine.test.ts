import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { layoutOf } from '../../src/core/layout.ts'
import type { CheckpointRecord } from '../../src/core/records.ts'
import type { AveragedRound, MeasuredRound, RoundJob } from '../../src/rounds/closed-round.ts'
import { type EnginePorts, type EngineRun, startRounds } from '../../src/rounds/engine.ts'
import type { GatewayEvents, RoundCommit, RunNotice, Task, UpdateDecision } from '../../src/rounds/ports.ts'
import { key, policyWith, serverAt, updateOf } from './script.ts'

const layout = layoutOf([{ name: 'fc1/kernel', shape: [1], kind: 'kernel', trainable: true }])

/** The engine on made-up ports: a clock that the test turns, a gateway that remembers, a computation that waits. */
function stage(
  changes: Partial<EnginePorts> = {},
  policy = policyWith({ rounds: 2 }),
  measures = measuredRound,
  kept: EngineRun['kept'] = () => [],
) {
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
      saveModel: async (_, { round, client }) => {
        log.push(`keep ${client ?? 'global'} of ${round}`)
        return { round, client, file: '', sha256: '', bytes: 0 }
      },
      prune: async (_, round) => {
        log.push(`prune ${round}`)
      },
    },
    average: job =>
      new Promise((resolve, reject) => {
        log.push(`average ${job.round}`)
        jobs.push({ job, finish: () => resolve(averagedRound(job)), fail: reject })
      }),
    measure: round => {
      log.push(`measure ${round}`)
      return measures(round)
    },
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
    numExamples: 1,
    fetches: 30,
  })
  const engine = startRounds({ id: 'run', layout, deadlineMs: 500, policy, kept, server: serverAt(0), task }, ports)
  return { engine, events: events!, log, commits, notices, timers, jobs, advance: (ms: number) => (now += ms) }
}

function averagedRound({ round }: RoundJob): AveragedRound {
  return {
    engine: 'wasm',
    server: serverAt(round),
    averaged: ['fc1'],
    collected: ['block/fc1', 'fisher/fc1', 'fisher/fc2'],
    aligned: null,
    aggregateMs: 1,
  }
}

async function measuredRound(_: number): Promise<MeasuredRound> {
  return { evaluation: evaluated(0.5, 0.75), metrics: [], barriers: [], evaluateMs: 2, probeMs: 3 }
}

const evaluated = (loss: number, accuracy: number) => ({
  ...{ loss, accuracy },
  models: { all: 1, diverged: Number.isFinite(loss) ? 0 : 1 },
})

const tick = () => new Promise(resolve => setImmediate(resolve))

describe('the round engine', () => {
  test('begins the next round with the new model, and measures, saves and commits behind it', async () => {
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
      'average 1',
      'measure 1',
      'assign 2 to p in 2',
      'assign 12 to p in 2',
      'save 1',
      'commit 1',
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
    const segments = new Map(['block/fc1', 'block/fc2', 'fisher/fc1', 'momentum/fc1'].map((name, i) => [name, new Float32Array(10 ** i)])) // biome-ignore format: one line
    await events.update(key(1, 1), {
      ...updateOf(1, 'p'),
      openedAt: 1025,
      bytes: 77,
      numExamples: 3,
      trainLoss: 2,
      segments,
    })
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
    // fc1, which was averaged, and its Fisher; what the three of the cohort had to get.
    assert.deepEqual(['exchange/bytes_up', 'exchange/bytes_down'].map(value), [4 * 101, 90])
  })

  test('that the run begins is told once, with the time of its first round', async () => {
    const began: Date[] = []
    const { events, commits, jobs, advance } = stage({ began: at => began.push(at) }, policyWith({ rounds: 2, wanted: 1, cohort: () => [1] })) // biome-ignore format: one line
    assert.equal(began.length, 0, 'nobody has joined')
    advance(7)
    events.joined('p', 10)
    advance(5)
    for (const round of [1, 2]) {
      await events.update(key(round, 1), updateOf(1, 'p'))
      jobs[round - 1]?.finish()
      await tick()
    }
    assert.equal(commits.length, 2)
    assert.deepEqual(began.map(at => at.toISOString()), [commits[0]!.round.startedAt]) // biome-ignore format: one line
    assert.equal(began[0]!.getTime(), 1007)
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

  test('commits keep the order of the rounds, and the run ends only when the last one is done', async () => {
    const waiting: (() => void)[] = []
    const measures = (round: number) =>
      new Promise<MeasuredRound>(resolve => {
        waiting.push(() => void measuredRound(round).then(resolve))
      })
    const { events, jobs, engine, log } = stage({}, policyWith({ rounds: 2 }), measures)
    let over = false
    void engine.ended.then(() => {
      over = true
    })
    events.joined('p', 10)
    for (const round of [1, 2]) {
      for (const client of [round, round + 10]) await events.update(key(round, client), updateOf(client, 'p'))
      jobs.at(-1)?.finish()
      await tick()
    }
    assert.deepEqual([log.filter(line => line.startsWith('commit')), over], [[], false])
    waiting[1]?.()
    await tick()
    assert.deepEqual(
      log.filter(line => line.startsWith('commit')),
      [],
      'round 2 waits for round 1',
    )
    waiting[0]?.()
    assert.equal((await engine.ended).outcome, 'completed')
    assert.deepEqual(
      log.filter(line => line.startsWith('commit')),
      ['commit 1', 'commit 2'],
    )
  })

  test("an update's memory is given back when the round is measured, not before, and once", async () => {
    let finish = () => {}
    const measures = (round: number) =>
      new Promise<MeasuredRound>(resolve => {
        finish = () => void measuredRound(round).then(resolve)
      })
    const { events, jobs, engine } = stage({}, policyWith({ rounds: 1 }), measures)
    const released: number[] = []
    events.joined('p', 10)
    for (const client of [1, 11])
      await events.update(key(1, client), { ...updateOf(client, 'p'), release: () => void released.push(client) })
    jobs[0]?.finish()
    await tick()
    assert.deepEqual(released, [])
    finish()
    await engine.ended
    assert.deepEqual(released, [1, 11])
  })

  test('the models that a run keeps are on the disk before their round is committed, and only then is memory given back', async () => {
    const asked: (readonly number[])[] = []
    const kept = (_: number, completed: readonly number[]) => {
      asked.push(completed)
      return [11]
    }
    const { events, jobs, engine, log, commits } = stage({}, policyWith({ rounds: 1 }), measuredRound, kept)
    events.joined('p', 10)
    for (const client of [11, 1])
      await events.update(key(1, client), { ...updateOf(client, 'p'), release: () => void log.push(`free ${client}`) })
    jobs[0]?.finish()
    await engine.ended
    assert.deepEqual(asked, [[1, 11]])
    assert.deepEqual(
      log.filter(line => /^(keep|free|save|commit)/.test(line)),
      ['keep 11 of 1', 'keep global of 1', 'free 1', 'free 11', 'save 1', 'commit 1'],
    )
    assert.deepEqual(
      commits[0]?.models.map(({ client }) => client),
      [null, 11],
    )
  })

  test('a round whose measuring fails is not in the database, nor is any after it', async () => {
    const measures = (round: number) =>
      round === 1 ? Promise.reject(new FedError('compute_failed')) : measuredRound(round)
    const { events, jobs, engine, commits } = stage({}, policyWith({ rounds: 2 }), measures)
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    jobs[0]?.finish()
    const { outcome, error } = await engine.ended
    assert.deepEqual([outcome, error?.code, commits.length], ['failed', 'compute_failed', 0])
  })

  test('a round without a finite loss is stored whole, and ends the run behind it: no later round is stored, whatever came first', async () => {
    // Round 1 is measured: before round 2 trains; while it averages; after it was averaged; after its averaging failed.
    for (const moment of ['training', 'averaging', 'averaged', 'failed'] as const) {
      let tell = () => {}
      const broken = { ...(await measuredRound(1)), evaluation: evaluated(Number.POSITIVE_INFINITY, Number.NaN) }
      const measures = (round: number) =>
        round === 1
          ? new Promise<MeasuredRound>(resolve => {
              tell = () => resolve(broken)
            })
          : measuredRound(round)
      const { events, jobs, engine, commits, notices, log } = stage({}, policyWith({ rounds: 3 }), measures)
      const finish = async (round: number, end: 'finish' | 'fail') => {
        for (const client of [round, round + 10]) await events.update(key(round, client), updateOf(client, 'p'))
        if (moment === 'averaging' && round === 2) return
        jobs.at(-1)?.[end](new FedError('aggregate_diverged'))
        await tick()
      }
      events.joined('p', 10)
      await finish(1, 'finish')
      if (moment !== 'training') await finish(2, moment === 'failed' ? 'fail' : 'finish')
      tell()
      const { outcome, error } = await engine.ended
      if (moment === 'averaging') jobs.at(-1)?.finish()
      await tick()
      assert.deepEqual([outcome, error?.code], ['failed', 'model_diverged'], moment)
      const [only, ...more] = commits
      assert.deepEqual([only?.round.round, only?.round.diverged, more.length], [1, true, 0], moment)
      assert.deepEqual([only?.round.loss, only?.round.accuracy, only?.checkpoint.round], [null, null, 1], moment)
      assert.equal(notices.filter(({ type }) => type === 'round').length, 1, moment)
      assert.equal(log.filter(line => line === 'end failed').length, 1, moment)
    }
  })

  test('the last round is no exception; with onDivergence continue the run goes on, and each such round is marked', async () => {
    for (const [onDivergence, outcome, marks] of [
      ['fail', 'failed', [true]],
      ['continue', 'completed', [true, false]],
    ] as const) {
      const measures = async (round: number) => ({
        ...(await measuredRound(round)),
        ...(round === 1 && { evaluation: evaluated(Number.NaN, Number.NaN) }),
      })
      const policy = policyWith({ rounds: marks.length, onDivergence })
      const { events, jobs, engine, commits } = stage({}, policy, measures)
      events.joined('p', 10)
      for (let round = 1; round <= marks.length; round++) {
        for (const client of [round, round + 10]) await events.update(key(round, client), updateOf(client, 'p'))
        jobs.at(-1)?.finish()
        await tick()
      }
      assert.equal((await engine.ended).outcome, outcome)
      assert.deepEqual(
        commits.map(({ round }) => round.diverged),
        marks,
      )
    }
  })

  test('a round that cannot be averaged takes none before it along, however late that one is measured', async () => {
    let tell = () => {}
    const measures = (round: number) =>
      new Promise<MeasuredRound>(resolve => {
        tell = () => void measuredRound(round).then(resolve)
      })
    const { events, jobs, engine, commits } = stage({}, policyWith({ rounds: 3 }), measures)
    events.joined('p', 10)
    for (const round of [1, 2]) {
      for (const client of [round, round + 10]) await events.update(key(round, client), updateOf(client, 'p'))
      if (round === 1) jobs.at(-1)?.finish()
      else jobs.at(-1)?.fail(new FedError('aggregate_diverged'))
      await tick()
    }
    tell()
    assert.equal((await engine.ended).error?.code, 'aggregate_diverged')
    assert.deepEqual(
      commits.map(({ round }) => round.round),
      [1],
    )
  })

  test('a commit that fails behind the last round still makes the run fail', async () => {
    const commitRound = () => Promise.reject(new FedError('database_invalid'))
    const { events, jobs, engine, log } = stage({ store: { commitRound } }, policyWith({ rounds: 1 }))
    events.joined('p', 10)
    await Promise.all([events.update(key(1, 1), updateOf(1, 'p')), events.update(key(1, 11), updateOf(11, 'p'))])
    jobs[0]?.finish()
    assert.equal((await engine.ended).outcome, 'failed')
    assert.equal(log.at(-1), 'end failed')
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
