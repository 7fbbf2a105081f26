import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import { averageRound } from '../../src/rounds/close-round.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'
import { decodeState, encodeState } from '../../src/store/checkpoint-codec.ts'
import { personals } from '../../src/strategies/personal/index.ts'
import { assertClose } from '../helpers/values.ts'
import { lossAndGradient, spans, type Widths } from '../training/oracle.ts'
import { roundsOf } from './rounds.ts'

// Whole rounds of methods that give each client a model of its own, task by task, as coordinator and clients do them, against
// float64 loops that share with them only the data set, its split, the cohorts and the orders. Batches hold all of a client's examples.

const WIDTHS: Widths = { d: 4, h: 5, c: 3 }
const RATE = 0.2
const SEED = 5
const COHORTS = [
  [0, 2],
  [1, 2],
  [0, 1],
  [0, 2],
]

const runFile = (strategy: object, change: object = {}) =>
  parseRunFile({
    ...{ name: 'personal', seed: SEED, rounds: COHORTS.length, model: { name: 'mlp', hidden: [WIDTHS.h] } },
    data: { name: 'synthetic', dimension: WIDTHS.d, classes: WIDTHS.c, train: 90, test: 30 },
    partition: { name: 'dirichlet', dirichletAlpha: 0.3, minExamples: 5 },
    clients: { total: 3, perRound: 2 },
    local: { epochs: 2, batchSize: 1000, optimizer: { name: 'sgd', learningRate: RATE } },
    barriers: { every: 0 },
    strategy,
    ...change,
  })

before(() => prepareEngine('wasm'))

describe('FedALA', () => {
  const options = { share: 0.6, rate: 0.5, threshold: 0.01, window: 3, passes: 25 }

  test('takes the rounds of the paper’s Algorithm 1', async () => {
    const file = runFile({ preset: { name: 'fedala', ...options } })
    const { layout, states, dataset, split, jobs } = await roundsOf(file, COHORTS)
    const [from, to] = spans(WIDTHS).fc2
    let g = Float64Array.from(states[0]!.params)
    const own: (Float64Array | null)[] = [null, null, null]
    const A = [0, 1, 2].map(() => new Float64Array(to - from).fill(1))
    const seen = { first: 0, later: 0 }
    for (const [index, cohort] of COHORTS.entries()) {
      const total = cohort.reduce((sum, client) => sum + split.train[client]!.length, 0)
      const next = new Float64Array(layout.size)
      for (const client of cohort) {
        const w = g.slice()
        const mine = own[client]
        if (mine) {
          const first = A[client]!.every(value => value === 1)
          seen[first ? 'first' : 'later']++
          const stream = createRng(SEED)
            .fork(`round/${index + 1}/client/${client}`)
            .fork('mixing')
          const count = Math.floor(options.share * split.train[client]!.length)
          const { x, y } = gather(dataset.train, shuffle(stream, split.train[client]!.slice()).subarray(0, count))
          const mix = () => {
            for (let i = from; i < to; i++) w[i] = mine[i]! + (g[i]! - mine[i]!) * A[client]![i - from]!
          }
          mix()
          const losses: number[] = []
          for (;;) {
            const { loss, gradient } = lossAndGradient(w, WIDTHS, x, y)
            for (let i = from; i < to; i++) {
              const moved = A[client]![i - from]! - options.rate * gradient[i]! * (g[i]! - mine[i]!)
              A[client]![i - from] = Math.min(1, Math.max(0, moved))
            }
            mix()
            losses.push(loss)
            if (!first || losses.length === options.passes) break
            const last = losses.slice(-options.window)
            const mean = last.reduce((sum, value) => sum + value, 0) / last.length
            const spread = Math.sqrt(last.reduce((sum, value) => sum + (value - mean) ** 2, 0) / last.length)
            if (losses.length > options.window && spread < options.threshold) break
          }
        }
        const batch = gather(dataset.train, split.train[client]!)
        for (let step = 0; step < 2; step++) {
          const { gradient } = lossAndGradient(w, WIDTHS, batch.x, batch.y)
          for (let i = 0; i < w.length; i++) w[i]! -= RATE * gradient[i]!
        }
        own[client] = w
        for (let i = 0; i < w.length; i++) next[i]! += (split.train[client]!.length / total) * w[i]!
      }
      g = next
      assertClose(states[index + 1]!.params, g, 2e-5, `round ${index + 1}`)
    }
    assert.ok(seen.first >= 2 && seen.later >= 2, JSON.stringify(seen))
    for (const [client, kept] of states.at(-1)!.clients) {
      assert.deepEqual([...kept.keys()].sort(), ['block/fc2', 'mixing/fc2'])
      assertClose(kept.get('mixing/fc2')!, A[client]!, 1e-4, `A of client ${client}`)
      assertClose(kept.get('block/fc2')!, own[client]!.subarray(from, to), 2e-5, `client ${client}`)
    }

    // Clients are judged by what they begin their next round with.
    const session = await openSession(file)
    const { trained } = await averageRound(session, jobs.at(-1)!)
    for (const { client, after } of trained) {
      const begun = g.map((value, i) =>
        i < from ? value : own[client]![i]! + (value - own[client]![i]!) * A[client]![i - from]!,
      )
      assertClose(after, begun, 1e-4, `client ${client} begins with`)
    }
    session.dispose()
    const { params: _, ...beside } = states.at(-1)!
    const read = decodeState(Buffer.concat(encodeState(beside, layout)), layout, beside.round)
    const plain = ({ clients }: typeof beside) =>
      [...clients].map(([k, own]) => [k, [...own].map(([n, v]) => [n, [...v]])])
    assert.deepEqual(plain(read), plain(beside), 'from a checkpoint as it was')
  })

  test('is refused where there is nothing to mix, with the reason', async () => {
    const personal = { name: 'fedala', layers: ['fc2'] }
    for (const [strategy, message] of [
      [{ preset: 'fedper', personal }, /fc2 averaged, got fc2 local by strategy\.layers/],
      [{ personal: { ...personal, layers: ['fc9'] } }, /"fc9"/],
      [{ select: { name: 'barrier' }, personal }, /averaged in every round.*select: barrier/],
      [
        { repair: { name: 'repair' }, personal },
        /one model for all clients together with strategy\.repair, got personal: fedala/,
      ],
      [{ layers: [{ match: '*', every: 2 }], personal }, /every in a layer rule/],
      [
        { align: { name: 'weightMatching', to: 'global' }, personal },
        /together with strategy\.align, got mixing beside them/,
      ],
    ] as const)
      await assert.rejects(openSession(runFile(strategy, { round: { quorum: 2 } })), { message })
  })
})

describe('pFedLA', () => {
  test('lets each client train from its mix, and averages what comes back', async () => {
    const file = runFile({ preset: { name: 'pfedla', keepLocal: 1, rate: 0.5 } })
    const { layout, states, dataset, split, jobs } = await roundsOf(file, COHORTS)
    let mixed = 0
    for (const [index, { server, updates }] of jobs.entries()) {
      const total = updates.reduce((sum, { numExamples }) => sum + numExamples, 0)
      const mean = new Float64Array(layout.size)
      for (const { client, segments, numExamples } of updates) {
        const kept = server.clients.get(client)
        const start = layout.blocks.flatMap(({ name, offset, size }) => [
          ...(kept?.get(`block/${name}`) ?? server.params.subarray(offset, offset + size)),
        ])
        if (kept) mixed++
        const w = Float64Array.from(start)
        const { x, y } = gather(dataset.train, split.train[client]!)
        for (let step = 0; step < 2; step++) {
          const { gradient } = lossAndGradient(w, WIDTHS, x, y)
          for (let i = 0; i < w.length; i++) w[i]! -= RATE * gradient[i]!
        }
        const sent = layout.blocks.flatMap(({ name }) => [...segments.get(`block/${name}`)!])
        assertClose(sent, w, 1e-5, `client ${client} in round ${index + 1}`)
        for (let i = 0; i < w.length; i++) mean[i]! += (numExamples / total) * w[i]!
      }
      const next = states[index + 1]!
      assertClose(next.params, mean, 1e-5, `round ${index + 1}`)
      const heard = new Set(COHORTS.slice(0, index + 1).flat())
      assert.deepEqual([...next.clients.keys()].sort(), [...heard].sort())
      for (const [client, kept] of next.clients) {
        assert.deepEqual([...kept.keys()], ['block/fc1', 'block/fc2'])
        // One layer is the client's own as it was trained the last time.
        const last = jobs.slice(0, index + 1).findLast(job => job.updates.some(update => update.client === client))!
        const { segments } = last.updates.find(update => update.client === client)!
        const own = [...kept].filter(([name, values]) => values.every((value, i) => value === segments.get(name)![i]))
        assert.ok(own.length >= 1, `client ${client} after round ${index + 1}`)
      }
    }
    assert.ok(mixed >= 5, `${mixed} tasks began with a mix`)
    const fresh = runFile({ preset: { name: 'pfedla', keepLocal: 1, rate: 0.5 } })
    assert.deepEqual((await roundsOf(fresh, COHORTS)).states.at(-1), states.at(-1), 'the same again')
    const { params: _, ...beside } = states.at(-1)!
    assert.deepEqual(
      decodeState(Buffer.concat(encodeState(beside, layout)), layout, beside.round).strategy,
      beside.strategy,
    )
  })
})

test('every registered way has its test here', () => {
  assert.deepEqual(
    personals.members.map(({ name }) => name),
    ['fedala', 'pfedla'],
  )
})
