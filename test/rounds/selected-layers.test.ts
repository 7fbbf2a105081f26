import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { view } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { averageRound, measureRound } from '../../src/rounds/close-round.ts'
import { taskContext, taskFor } from '../../src/rounds/plan-round.ts'
import type { ServerState } from '../../src/rounds/ports.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession, type Session } from '../../src/rounds/session.ts'

const runFileWith = (changes: object) =>
  parseRunFile({
    ...{ name: 'selected', seed: 3, rounds: 4, model: { name: 'mlp', hidden: [5] } },
    data: { name: 'synthetic', classes: 3, dimension: 4, train: 120, test: 60 },
    clients: { total: 4, perRound: 3 },
    round: { quorum: 3 },
    ...changes,
  })

/** Each client's model is the start plus noise of its own; it sends the blocks that its task asks for. */
function updatesOf({ layout }: Session, server: ServerState, replies: ReadonlyMap<number, readonly string[]>) {
  return [...replies].map(([client, reply]) => {
    const rng = createRng(100 + client)
    const params = server.params.map(value => value + 0.6 * normal(rng))
    const blocks = layout.blocks.filter(({ name }) => reply.includes(name))
    return {
      ...{ client, numExamples: 10 * (client + 1), params },
      segments: new Map(blocks.map(block => [`block/${block.name}`, view(params, block).slice()])),
    }
  })
}

const CLIENTS = [0, 2, 3]

before(() => prepareEngine('wasm'))

describe('layers selected by their barriers', () => {
  const barriers = { paths: ['layer'], pairs: 3, splits: ['test', 'train'], interpolation: 3, examples: 60 }

  for (const metric of ['loss', 'error'] as const)
    for (const split of ['test', 'train'] as const)
      test(`by ${metric} on ${split} data, are those whose probed barrier is small`, async () => {
        const plain = await openSession(runFileWith({ barriers }))
        const server = plain.initial()
        const all = plain.layout.blocks.map(({ name }) => name)
        const updates = updatesOf(plain, server, new Map(CLIENTS.map(client => [client, all])))
        const job = { round: 1, server, updates }
        // What the run file's own probes say of the same models: all three pairs, both bases.
        const measured = await measureRound(plain, await averageRound(plain, job))
        const heightOf = (layer: string) => {
          const records = measured.barriers.filter(record => record.layer === layer && record.split === split)
          assert.equal(records.length, 6)
          const pairs = [...new Set(records.map(({ between }) => between.join()))]
          const heights = pairs.map(pair =>
            Math.max(
              ...records
                .filter(({ between }) => between.join() === pair)
                .map(({ lossBarrier, errorBarrier }) => (metric === 'loss' ? lossBarrier! : errorBarrier!)),
            ),
          )
          return heights.reduce((sum, height) => sum + height, 0) / heights.length
        }
        const [low, high] = all.map(name => ({ name, height: heightOf(name) })).sort((a, b) => a.height - b.height)
        assert.ok(high!.height > 0 && high!.height - low!.height > 1e-3, JSON.stringify([low, high]))

        const threshold = Math.max(0, (low!.height + high!.height) / 2)
        const select = { name: 'barrier', threshold, metric, split, pairs: 3 }
        const selecting = await openSession(runFileWith({ barriers, strategy: { select } }))
        const { result } = await averageRound(selecting, job)
        assert.deepEqual(result.averaged, [low!.name])
        // The other layer stays with each client, and the global one keeps its bits.
        const kept = plain.layout.blocks.find(({ name }) => name === high!.name)!
        assert.deepEqual(view(result.server.params, kept), view(server.params, kept))
        for (const { client, segments } of updates)
          assert.deepEqual(
            [...result.server.clients.get(client)!],
            [[`block/${kept.name}`, segments.get(`block/${kept.name}`)!]],
          )
      })

  test('can be judged by their rise above the base, in which the gap between the two models is not', async () => {
    const plain = await openSession(runFileWith({ barriers }))
    const server = plain.initial()
    const all = plain.layout.blocks.map(({ name }) => name)
    // Half of the gap between the two models is in the one height of every layer, and not in the other.
    const updates = updatesOf(plain, server, new Map([0, 2].map(client => [client, all])))
    const job = { round: 1, server, updates }
    const measured = await measureRound(plain, await averageRound(plain, job))
    const heightOf = (layer: string, definition: 'midpoint' | 'base-rise') =>
      Math.max(
        ...measured.barriers
          .filter(record => record.layer === layer && record.split === 'train')
          .map(({ loss, endpointLoss: [first, second], base }) =>
            definition === 'midpoint' ? loss[1]! - (first! + second!) / 2 : loss[1]! - (base === 1 ? first! : second!),
          ),
      )
    const [one, other] = ['midpoint', 'base-rise'].map(definition =>
      all.map(layer => heightOf(layer, definition as 'midpoint')),
    )
    assert.ok(
      one!.some((height, l) => Math.abs(height - other![l]!) > 1e-3),
      JSON.stringify([one, other]),
    )
    for (const [height, heights] of Object.entries({ midpoint: one!, 'base-rise': other! })) {
      const sorted = heights.toSorted((a, b) => a - b)
      const threshold = Math.max(0, (sorted[0]! + sorted[1]!) / 2)
      const select = { name: 'barrier', threshold, metric: 'loss', height }
      const { result } = await averageRound(await openSession(runFileWith({ barriers, strategy: { select } })), job)
      assert.deepEqual(
        result.averaged,
        all.filter((_, l) => heights[l]! <= threshold),
      )
    }
  })

  for (const height of ['midpoint', 'base-rise'])
    test(`by curvature, as ${height}, are those whose predicted barrier is small`, async () => {
      const select = { name: 'barrier', threshold: 0, metric: 'loss', pairs: 3, by: 'curvature', height }
      const session = await openSession(runFileWith({ barriers, strategy: { select } }))
      const { layout } = session
      const server = session.initial()
      const updates = updatesOf(
        session,
        server,
        new Map(CLIENTS.map(client => [client, layout.blocks.map(b => b.name)])),
      )
      const indices = session.probes.examplesOf('train', CLIENTS, 1)
      const mean = server.params.map((_, i) => updates.reduce((sum, { params }) => sum + params[i]!, 0) / 3)
      const at = async (params: Float32Array, change = { offset: 0, size: 0 }, t = 0) => {
        const moved = params.slice()
        for (let i = change.offset; i < change.offset + change.size; i++) moved[i]! += t * (mean[i]! - params[i]!)
        return (await session.evaluateTrain(moved, indices)).loss
      }
      type Way = readonly [Float32Array, Float32Array]
      const product = ([a, b]: Way, [c, d]: Way, { offset, size }: { offset: number; size: number }) => {
        let sum = 0
        for (let i = offset; i < offset + size; i++) sum += (b[i]! - a[i]!) * (d[i]! - c[i]!)
        return sum
      }
      const heights = new Map<string, number>()
      for (const block of layout.blocks) {
        const pairs = [
          [0, 1],
          [0, 2],
          [1, 2],
        ] as const
        let sum = 0
        for (const pair of pairs) {
          const [i, j] = pair.map(k => updates[k]!.params) as [Float32Array, Float32Array]
          const ends = [await at(i), await at(j)] as const
          const bases = [i, j].map(async (params, b) => {
            const [before, after] = [await at(params, block, -0.1), await at(params, block, 0.1)]
            const [slope, second] = [(after - before) / 0.2, (after - 2 * ends[b]! + before) / 0.01]
            const [d, m] = [[params, b === 0 ? j : i] as const, [params, mean] as const]
            const rise = (slope * product(d, m, block)) / 2 + (second * product(d, d, block)) / 8
            const above = rise / product(m, m, block)
            return height === 'midpoint' ? above + ends[b]! - (ends[0] + ends[1]) / 2 : above
          })
          sum += Math.max(await bases[0]!, await bases[1]!)
        }
        heights.set(block.name, sum / 3)
      }
      const [low, high] = [...heights].sort(([, a], [, b]) => a - b)
      assert.ok(high![1] > 1e-3 && high![1] - low![1] > 1e-3, JSON.stringify([...heights]))
      const job = { round: 1, server, updates }
      for (const threshold of [0.9, 1.1].map(factor => factor * high![1])) {
        const strategy = { select: { ...select, threshold } }
        const { result } = await averageRound(await openSession(runFileWith({ barriers, strategy })), job)
        assert.equal(result.averaged.includes(high![0]), threshold > high![1], `${high} at ${threshold}`)
        assert.equal(result.averaged.includes(low![0]), threshold > low![1])
      }
    })

  test('need two clients in every round', async () => {
    const runFile = runFileWith({ strategy: { preset: 'barrierDriven' }, round: { quorum: 1 } })
    await assert.rejects(openSession(runFile), {
      code: 'strategy_invalid',
      message: /round\.quorum of at least 2, got 1/,
    })
  })
})

describe('a rule with participation', () => {
  test('asks each client only for the layers in which it takes part, and averages those', async () => {
    const runFile = runFileWith({ strategy: { preset: 'fedlp' }, barriers: { every: 0 } })
    const session = await openSession(runFile)
    const context = taskContext(runFile, session.layout, session.clients)
    let server = session.initial()
    const seen = { sent: 0, left: 0, nobody: 0 }
    for (let round = 1; round <= 20; round++) {
      const replies = new Map(
        CLIENTS.map(client => [client, taskFor({ round, attempt: 1, client }, server, context).reply]),
      )
      const updates = updatesOf(session, server, replies)
      const { result } = await averageRound(session, { round, server, updates })
      for (const block of session.layout.blocks) {
        const senders = updates.filter(({ client }) => replies.get(client)!.includes(block.name))
        seen.sent += senders.length
        seen.left += CLIENTS.length - senders.length
        seen.nobody += Number(senders.length === 0)
        const total = senders.reduce((sum, { numExamples }) => sum + numExamples, 0)
        for (const [i, value] of view(result.server.params, block).entries()) {
          const mean = senders.reduce((sum, each) => sum + (each.numExamples / total) * view(each.params, block)[i]!, 0)
          const expected = senders.length > 0 ? mean : view(server.params, block)[i]!
          assert.ok(Math.abs(value - expected) < 1e-5, `${block.name}: ${value} against ${expected}`)
        }
      }
      assert.equal(result.server.clients.size, 0)
      server = result.server
    }
    assert.ok(seen.sent > 30 && seen.left > 30 && seen.nobody > 2, JSON.stringify(seen))
  })
})
