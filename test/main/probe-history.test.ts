import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { runReport } from '../../src/cli/report.ts'
import { showRun } from '../../src/cli/show-run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { BarrierRecord } from '../../src/core/records.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { systemClock } from '../../src/main/clock.ts'
import { probeService } from '../../src/main/probe-service.ts'
import { curvesQuestion, readBarrierCurves } from '../../src/rounds/barrier-curves.ts'
import { ERROR_AT_MIDPOINT, heightsOf, readHeights, scopeOf } from '../../src/rounds/barrier-heights.ts'
import { type MatrixQuestion, matrixQuestion, readBarrierMatrix } from '../../src/rounds/barrier-matrix.ts'
import { comparedPairs } from '../../src/rounds/compared.ts'
import { compareRuns } from '../../src/rounds/comparison.ts'
import { type Compute, startCompute } from '../../src/rounds/compute.ts'
import { cumulativeQuestion, readCumulativeBarriers } from '../../src/rounds/cumulative-barriers.ts'
import { allOf } from '../../src/rounds/pages.ts'
import type { Store } from '../../src/rounds/ports.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { runEvents } from '../../src/server/http/run-events.ts'
import { checkpointFiles } from '../../src/store/checkpoint-files.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { commitOf, newRun, updateRecord } from '../store/samples.ts'

const CLIENTS = [0, 1, 2, 3, 4]
/** Two pairs of five clients in every second round; every model is kept. */
const RUN_FILE = parseRunFile({
  name: 'kept',
  seed: 3,
  rounds: 3,
  model: { name: 'mlp', hidden: [8] },
  data: { name: 'synthetic', classes: 3, dimension: 6, train: 240, test: 120 },
  clients: { total: 5, perRound: 5, init: 'independent' },
  strategy: { layers: [{ match: '*', average: 'weighted' }] },
  evaluate: { clients: false },
  barriers: {
    ...{ every: 2, pairs: 2, between: ['clients', 'init'], paths: ['full', 'layer', 'cumulative'] },
    ...{ examples: 50, keepModels: 'all' },
  },
})
const PROBED = 2

const folder = mkdtempSync(join(tmpdir(), 'fedstrata-history-'))
const checkpoints = checkpointFiles(folder)
let compute: Compute
before(() => {
  compute = startCompute({ engine: 'wasm' })
})
after(async () => {
  await compute.close()
  rmSync(folder, { recursive: true, force: true })
})

async function ranRun(): Promise<{ store: Store; told: readonly BarrierRecord[] }> {
  const store = memoryStore()
  await store.createRun(newRun('a', { runFile: RUN_FILE }))
  const { layout, initial } = await compute.open('a', RUN_FILE)
  await store.updateRun('a', { layers: layout.blocks.map(({ name, size }) => ({ name, size })) })
  const told: BarrierRecord[] = []
  let server = initial
  for (const round of [1, 2, 3]) {
    const updates = CLIENTS.map(client => {
      const rng = createRng(10 * round + client)
      const params = server.params.map(value => value + 0.3 * normal(rng))
      const segments = new Map(layout.blocks.map(({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)])) // biome-ignore format: one line
      return { client, numExamples: 10 + client, params, segments }
    })
    const averaged = await compute.average('a', { round, server, updates })
    const { barriers, metrics } = await compute.measure('a', round)
    server = averaged.server
    const models = [await checkpoints.saveModel('a', { round, client: null, params: server.params }, layout)]
    for (const { client, params } of updates)
      models.push(await checkpoints.saveModel('a', { round, client, params }, layout))
    const completed = CLIENTS.map(client => ({ ...updateRecord(round, client), status: 'completed' as const, reason: null })) // biome-ignore format: one line
    const commit = commitOf(round, { models, metrics, barriers, updates: completed })
    await store.commitRound('a', { ...commit, round: { ...commit.round, averaged: [...averaged.averaged] } })
    told.push(...barriers)
  }
  await compute.release('a')
  await store.updateRun('a', { status: 'completed' })
  return { store, told }
}

const QUESTIONS: readonly MatrixQuestion[] = (['clients', 'init'] as const).flatMap(between =>
  (['layer', 'cumulative'] as const).flatMap(path =>
    (['midpoint', 'max-linear', 'base-rise', 'swap'] as const).flatMap(height =>
      (['error', 'loss', 'distance'] as const).flatMap(value =>
        (['1', '2', 'mean', 'max'] as const).map(base => matrixQuestion.parse({ between, path, height, value, base })),
      ),
    ),
  ),
)

/** What every reader says of what the run itself measured. */
async function shownBy(store: Store) {
  const column = async (question: MatrixQuestion) => {
    const { rows, rounds, values, pairs, probes } = await readBarrierMatrix(store, 'a', question)
    const at = rounds.indexOf(PROBED)
    return [rows, values, pairs, probes].map(table => table.map(row => (typeof row === 'string' ? row : row[at])))
  }
  const curves = []
  for (const between of ['clients', 'init'] as const) {
    const read = await readBarrierCurves(store, 'a', curvesQuestion.parse({ between }))
    const panels = read.panels.map(panel => ({
      base: panel.base,
      curves: panel.curves.map(curve => ({
        layer: curve.layer,
        values: [0, 0.5, 1].map(t => curve.values[curve.interpolation.indexOf(t)]),
      })),
    }))
    curves.push({ round: read.round, panels })
  }
  const events = []
  const wish = { after: -1, signal: new AbortController().signal, heartbeatMs: 1000 }
  const source = { store, runs: { subscribe: () => () => {} } }
  for await (const event of runEvents(source, 'a', wish)) if (event?.event === 'round') events.push(event.data)
  const cumulative = await readCumulativeBarriers(store, 'a', cumulativeQuestion.parse({ orders: 'shallow' }))
  const report = await runReport(store, folder, 'a')
  const heights = await readHeights(store, 'a')
  const terminal = { stdout: { isTTY: false }, variables: {} } as unknown as Terminal
  const lines = showRun({ report, run: await store.run('a'), runFile: RUN_FILE, heights }, terminal).split('\n')
  return {
    heights: heights.filter(({ probe }) => probe === null),
    matrix: await Promise.all(QUESTIONS.map(column)),
    curves,
    events,
    cumulative: { rounds: cumulative.rounds, panels: cumulative.panels },
    row: lines.find(line => /^ *2 /.test(line))!.split(/ {2,}/),
    comparison: (await compareRuns(store, ['a'])).runs,
    metrics: (await allOf(page => store.metrics('a', page))).filter(({ key }) => key.startsWith('barrier/')),
    reported: report.rounds.map(({ barriers }) => barriers.filter(({ probe }) => probe === undefined)),
  }
}

describe('the numbers that a run reported', () => {
  test('stay in every bit, and every reader tells the same ones, whatever is probed afterwards', async t => {
    const { store, told } = await ranRun()
    const log = pino({ level: 'silent' })
    let broken = false
    const unreliable: Compute = {
      ...compute,
      probe: (step, progress) =>
        broken && step.round.round === 3 ? Promise.reject(new Error('out of order')) : compute.probe(step, progress),
    }
    const service = probeService({ store, checkpoints, compute: unreliable, clock: systemClock, log, notify: () => {} })
    t.after(service.close)
    const probe = async (request: object, status = 'completed') => {
      const record = await service.create('a', request)
      if (status === 'cancelled') await service.cancel('a', record.probe)
      assert.equal((await service.ended('a', record.probe)).status, status)
      return (await store.barriers('a', { probe: record.probe, limit: 1000 })).items
    }

    const first = await shownBy(store)
    const live = heightsOf(told, ERROR_AT_MIDPOINT)
    const own = first.heights.filter(({ round }) => round === PROBED)
    const byPlace = (heights: typeof live) => heights.map(height => JSON.stringify(height)).toSorted()
    assert.deepEqual(byPlace(own), byPlace(live.filter(height => scopeOf(height) !== null)))
    for (const height of own) {
      const { layer, compared, split, value, pairs } = height
      const at = (what: string) => first.metrics.find(row => row.key === `barrier/${scopeOf(height)}/${compared}/${what}` && row.layer === layer && row.split === split)?.value // biome-ignore format: one line
      assert.deepEqual([at('error'), at('count')], [value, pairs])
      const asked = QUESTIONS.findIndex(question => question.between === compared && question.path === 'layer' && question.height === 'midpoint' && question.value === 'error' && question.base === 'mean') // biome-ignore format: one line
      const [rows, values, counts] = first.matrix[asked]!
      const row = rows!.indexOf(layer ?? 'full')
      assert.deepEqual([values![row], counts![row]], [value, pairs])
    }
    const full = own.find(height => height.compared === 'clients' && scopeOf(height) === 'full')!
    const largest = Math.max(...own.filter(height => height.compared === 'clients' && scopeOf(height) === 'layer').map(({ value }) => value!)) // biome-ignore format: one line
    const [line] = first.comparison
    assert.deepEqual([line!.fullBarrier, line!.layerBarrier, line!.between, line!.pairs], [full.value, largest, 'clients', 2]) // biome-ignore format: one line
    assert.ok(
      first.row.some(cell => cell.replace('−', '-') === `${full.value! < 0 ? '' : '+'}${full.value!.toFixed(4)}`),
    )

    const unchanged = async (what: string) => assert.deepEqual(await shownBy(store), first, what)
    assert.equal((await probe({ rounds: 2 })).length, 0, 'the run has its own pairs already')
    const more = await probe({ rounds: 2, pairs: 5 })
    const rows = (await allOf(page => store.barriers('a', { ...page, path: 'full', split: 'test', round: 2 }))).filter(({ between }) => between[1] !== 'init') // biome-ignore format: one line
    const meanOf = (of: readonly BarrierRecord[]) => of.reduce((sum, { errorBarrier }) => sum + errorBarrier!, 0) / of.length // biome-ignore format: one line
    const ownRows = rows.filter(({ probe }) => probe === undefined)
    assert.deepEqual([ownRows.length, rows.length], [2, 5])
    for (const [number, covered] of [
      [1, ownRows],
      [2, rows],
    ] as const) {
      // biome-ignore format: one line
      const asked = await readBarrierMatrix(store, 'a', matrixQuestion.parse({ probe: number }))
      assert.deepEqual([asked.rounds, asked.pairs[0], asked.probes[0]], [[2], [covered.length], [number]])
      assert.ok(asked.pairs.every(([pairs]) => pairs === covered.length), 'of every layer') // biome-ignore format: one line
      assert.ok(Math.abs(asked.values[0]![0]! - meanOf(covered)) < 1e-12, 'rows that were there are in the mean')
    }
    await assert.rejects(readBarrierMatrix(store, 'a', matrixQuestion.parse({ probe: 99 })), {
      code: 'probe_not_found',
    })
    await assert.rejects(readBarrierMatrix(store, 'a', matrixQuestion.parse({ between: 'global' })), {
      code: 'barriers_missing',
      message: /clients, test split; init, test split/,
    })
    await assert.rejects(
      readBarrierMatrix(store, 'a', matrixQuestion.parse({ path: 'cumulative', order: 'minimal' })),
      { code: 'barriers_missing', message: /shallow/ },
    )
    const drawn = comparedPairs(createRng(RUN_FILE.seed), PROBED, CLIENTS, 2).map(pair => pair.map(client => `client/${client}`).join()) // biome-ignore format: one line
    const ends = new Set(more.filter(({ between }) => between[1] !== 'init').map(({ between }) => between.join()))
    assert.ok(ends.size === 3 && drawn.every(pair => !ends.has(pair)), 'three others beside its own two')
    await unchanged('more pairs')
    const finer = await probe({ rounds: 2, interpolation: 9 })
    assert.deepEqual(
      [...new Set(finer.filter(({ between }) => between[1] !== 'init').map(({ between }) => between.join()))],
      drawn,
      'a probe compares what the run compared',
    )
    await unchanged('a finer grid')
    const { panels } = await readBarrierCurves(store, 'a', curvesQuestion.parse({}))
    assert.equal(panels[0]!.curves[0]!.interpolation.length, 9, 'which fills what lies between')
    for (const [request, status] of [
      [{ rounds: 2, splits: ['train'] }],
      [{ rounds: 2, examples: 20 }],
      [{ rounds: 2, paths: ['window', 'cumulative'], window: 1, orders: ['deep'] }],
      [{ rounds: 2, between: ['global', 'group', 'groupLayers'] }],
      [{ rounds: 1, interpolation: 101 }, 'cancelled'],
    ] as const) {
      await probe(request, status)
      const now = await shownBy(store)
      // Kinds that the run has not measured get columns of their own, in their order.
      assert.deepEqual({ ...now, row: first.row }, first, JSON.stringify(request))
      for (const cell of first.row) assert.ok(now.row.includes(cell), cell)
    }
    broken = true
    await probe({ rounds: '1,3', paths: ['full'] }, 'failed')
    broken = false
    await probe({ rounds: '1,3', pairs: 1 })
    await probe({ rounds: '1,3', pairs: 3 })
    const last = await shownBy(store)
    assert.deepEqual({ ...last, row: first.row }, first, 'rounds that the run did not measure')
    const filled = (await readHeights(store, 'a')).filter(({ probe }) => probe !== null)
    const of = (round: number, path: string) => filled.find(height => height.round === round && height.path === path && height.compared === 'clients')! // biome-ignore format: one line
    // The failed one had finished the first round; of the last the first that came to its end counts, with its one pair.
    const failed = of(1, 'full').probe!
    assert.deepEqual([of(1, 'full').pairs, of(3, 'full').pairs], [2, 1])
    assert.deepEqual([of(1, 'layer').probe, of(3, 'full').probe, of(3, 'layer').probe], [failed + 1, failed + 1, failed + 1]) // biome-ignore format: one line
    const matrix = await readBarrierMatrix(store, 'a', matrixQuestion.parse({}))
    assert.deepEqual(
      [matrix.rounds, matrix.probes[0]],
      [
        [1, 2, 3],
        [failed, null, failed + 1],
      ],
    )
    const only = await readBarrierMatrix(store, 'a', matrixQuestion.parse({ probe: failed + 2 }))
    assert.deepEqual(
      [only.rounds, only.probes[0]],
      [
        [1, 3],
        [failed + 2, failed + 2],
      ],
    )
    assert.deepEqual(only.pairs, only.pairs.map(() => [3, 3])) // biome-ignore format: one line
  })
})
