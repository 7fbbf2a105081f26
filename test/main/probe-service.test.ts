import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { FedError } from '../../src/core/errors.ts'
import type { BarrierRecord } from '../../src/core/records.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { systemClock } from '../../src/main/clock.ts'
import { probeService } from '../../src/main/probe-service.ts'
import { type Compute, startCompute } from '../../src/rounds/compute.ts'
import type { RunNotice, Store } from '../../src/rounds/ports.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { checkpointFiles } from '../../src/store/checkpoint-files.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { refuses } from '../store/contract.ts'
import { commitOf, newRun, updateRecord } from '../store/samples.ts'

const BARRIERS = {
  between: ['clients', 'global', 'init', 'group', 'groupLayers'],
  paths: ['full', 'layer', 'cumulative'],
  splits: ['test', 'train'],
  examples: 50,
}
const RUN_FILE = {
  name: 'kept',
  seed: 3,
  rounds: 3,
  model: { name: 'mlp', hidden: [8] },
  data: { name: 'synthetic', classes: 3, dimension: 6, train: 240, test: 120 },
  clients: { total: 3, perRound: 3, init: 'independent' },
  strategy: { layers: [{ match: 'fc1', average: 'weighted' }] },
  barriers: BARRIERS,
}

const folder = mkdtempSync(join(tmpdir(), 'fedstrata-probes-'))
const checkpoints = checkpointFiles(folder)
let compute: Compute
before(() => {
  compute = startCompute({ engine: 'wasm' })
})
after(async () => {
  await compute.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A run of two rounds whose models were kept, its own barriers in the store where `stored`; and what they are. */
async function ranRun(changes: object, stored: boolean) {
  const runFile = parseRunFile({ ...RUN_FILE, ...changes })
  const store = memoryStore()
  await store.createRun(newRun('a', { runFile }))
  const { layout, initial } = await compute.open('a', runFile)
  const measured: BarrierRecord[] = []
  let server = initial
  for (const round of [1, 2]) {
    const updates = [0, 1, 2].map(client => {
      const rng = createRng(10 * round + client)
      const params = server.params.map(value => value + 0.3 * normal(rng))
      const segments = new Map(
        layout.blocks.map(({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)]),
      )
      return { client, numExamples: 10 + client, params, segments }
    })
    const averaged = await compute.average('a', { round, server, updates })
    const { barriers } = await compute.measure('a', round)
    server = averaged.server
    const models = [await checkpoints.saveModel('a', { round, client: null, params: server.params }, layout)]
    for (const { client, params } of updates)
      models.push(await checkpoints.saveModel('a', { round, client, params }, layout))
    const completed = updates.map(({ client }) => ({ ...updateRecord(round, client), status: 'completed' as const, reason: null })) // biome-ignore format: one line
    const commit = commitOf(round, { models, updates: completed, barriers: stored ? barriers : [] })
    await store.commitRound('a', { ...commit, round: { ...commit.round, averaged: [...averaged.averaged] } })
    measured.push(...barriers)
  }
  await compute.release('a')
  return { store, measured }
}

function serviceOn(store: Store, asked: Compute = compute) {
  const notices: RunNotice[] = []
  const notify = (notice: RunNotice) => void notices.push(notice)
  const log = pino({ level: 'silent' })
  return { ...probeService({ store, checkpoints, compute: asked, clock: systemClock, log, notify }), notices }
}

const rowsOf = async (store: Store, query: object = {}) => (await store.barriers('a', { limit: 1000, ...query })).items

describe('probes of rounds that are over', () => {
  test('give what the rounds themselves would have measured, in every bit, and say whose rows they are', async t => {
    const { store, measured } = await ranRun({}, false)
    const service = serviceOn(store)
    t.after(service.close)
    const created = await service.create('a', {})
    assert.equal(created.status, 'queued')
    assert.deepEqual([created.request['rounds'], created.request['engine']], [[1, 2], 'wasm'])
    const ended = await service.ended('a', created.probe)
    assert.deepEqual([ended.status, ended.done, ended.error], ['completed', ended.total, null])
    assert.ok(ended.startedAt && ended.endedAt && ended.total > 20)
    const rows = await rowsOf(store)
    assert.ok(rows.every(({ probe }) => probe === created.probe))
    assert.deepEqual(
      rows.map(({ probe: _, ...row }) => row),
      measured,
    )
    const ends = new Set(rows.map(({ between }) => between.at(-1)))
    assert.ok(ends.has('global') && ends.has('init') && rows.some(({ path }) => path === 'group'))
    assert.deepEqual(
      [...new Set(rows.flatMap(({ path, layer }) => (path === 'group' ? [layer] : [])))],
      [null, 'fc1', 'fc2'],
    )
    const statuses = service.notices.flatMap(notice => (notice.type === 'probe' ? [notice.probe.status] : []))
    const warnings = service.notices.filter(({ type }) => type === 'warning')
    assert.equal(warnings.length, 1, 'of data that nobody knows')
    assert.deepEqual([statuses[0], statuses.at(-1)], ['queued', 'completed'])
  })

  test('measure nothing that is there already on the same examples, and only the rounds asked for', async t => {
    const { store, measured } = await ranRun({}, true)
    const service = serviceOn(store)
    t.after(service.close)
    const again = await service.create('a', {})
    assert.equal(again.total, 0)
    assert.equal((await service.ended('a', again.probe)).status, 'completed')
    assert.equal((await rowsOf(store)).length, measured.length)

    const request = { rounds: '2', between: 'clients', paths: ['full', 'layer'], splits: ['test'], interpolation: 5 }
    for (const fresh of [true, false]) {
      const { probe } = await service.create('a', request)
      await service.ended('a', probe)
      const rows = await rowsOf(store, { probe })
      assert.equal(rows.length, fresh ? 5 : 0)
      assert.ok(rows.every(({ round, interpolation }) => round === 2 && interpolation.length === 5))
    }
  })

  test('what cannot be measured is refused when it is asked for, with what to do', async t => {
    const { store } = await ranRun({}, false)
    await store.createRun(newRun('bare', { runFile: parseRunFile(RUN_FILE) }))
    await store.commitRound('bare', commitOf(1, { models: [] }))
    const service = serviceOn(store)
    t.after(service.close)
    const refused = (run: string, request: unknown, code: Parameters<typeof refuses>[0], words: RegExp) =>
      assert.rejects(service.create(run, request), (thrown: FedError) => {
        refuses(code)(thrown)
        assert.match(thrown.message, words)
        return true
      })
    await refused('bare', { rounds: 1 }, 'probe_models_missing', /round 1.*barriers\.keepModels/s)
    await refused('bare', {}, 'probe_models_missing', /keepModels/)
    await refused('a', { rounds: [1, '2-5'] }, 'round_not_found', /round 3/)
    await refused('a', { rounds: '0' }, 'round_not_found', /rounds 1 to 2 .*round 0/)
    await refused('a', { paths: ['layers'], groups: [['fc9']] }, 'layer_unknown', /fc1, fc2.*fc9/s)
    await refused('a', { path: ['full'] }, 'input_invalid', /Did you mean "paths"/)
    await refused('a', { rounds: '5-1' }, 'input_invalid', /begin before they end/)
    await refused('nobody', {}, 'run_not_found', /nobody/)
    assert.deepEqual((await store.probes('a', { limit: 10 })).items, [])
  })

  test('a cancelled probe keeps the rounds that it has measured; one that waits never begins; the next one runs', async t => {
    const { store } = await ranRun({}, false)
    // The second round never ends by itself.
    let begun = () => {}
    const second = new Promise<void>(resolve => {
      begun = resolve
    })
    let rounds = 0
    let interrupt: (key: string) => void = () => {}
    const slow: Compute = {
      ...compute,
      probe: (step, progress) => {
        if (++rounds !== 2) return compute.probe(step, progress)
        begun()
        return new Promise((_, reject) => {
          interrupt = key => key === step.key && reject(new FedError('interrupted'))
        })
      },
      cancelProbe: async key => {
        interrupt(key)
        await compute.cancelProbe(key)
      },
    }
    const service = serviceOn(store, slow)
    t.after(service.close)
    const running = await service.create('a', {})
    const waiting = await service.create('a', {})
    const last = await service.create('a', { rounds: 2, between: 'group' })
    await second
    assert.equal((await service.cancel('a', waiting.probe)).status, 'cancelled')
    const cancelled = await service.cancel('a', running.probe)
    assert.deepEqual([cancelled.status, cancelled.error], ['cancelled', null])
    assert.ok(cancelled.done > 0 && cancelled.done < cancelled.total)
    assert.equal((await service.ended('a', last.probe)).status, 'completed')
    const rows = await rowsOf(store)
    assert.deepEqual([...new Set(rows.map(({ round, probe }) => `${round} by ${probe}`))], ['1 by 1', '2 by 3'])
    await assert.rejects(service.cancel('a', running.probe), refuses('probe_not_active'))
    await assert.rejects(service.cancel('a', 9), refuses('probe_not_found'))
  })

  test('fails visibly, and stores nothing, when its round is rolled back meanwhile', async t => {
    const { store } = await ranRun({}, false)
    const service = serviceOn(store, {
      ...compute,
      probe: async (step, progress) => {
        const barriers = await compute.probe(step, progress)
        await store.rollBack('a', 0)
        return barriers
      },
    })
    t.after(service.close)
    const { probe } = await service.create('a', {})
    const record = await service.ended('a', probe)
    assert.deepEqual([record.status, record.error?.code], ['failed', 'round_not_found'])
    assert.deepEqual(await rowsOf(store), [])
  })

  test('the real worker lets go of a probe between two batches', async () => {
    // Wide enough that the whole probe takes seconds, of which it looks up every few milliseconds.
    const model = { name: 'mlp', hidden: [256, 256] }
    const { store } = await ranRun({ model }, false)
    const runFile = parseRunFile({ ...RUN_FILE, model })
    const models = (await store.models('a', { limit: 100, round: 1 })).items
    const round = { round: 1, cohort: [0, 1, 2], kept: [0, 1, 2], known: new Set<string>() }
    const request = { interpolation: 101, orders: ['shallow', 'deep'] as ('shallow' | 'deep')[] }
    const { layout } = await compute.openProbe({
      key: 'k',
      run: 'a',
      inputs: { dataSha256: null, modelSourceSha256: null },
      runFile,
      request,
      rounds: [round],
    })
    const loaded = await Promise.all(
      models.map(async model => ({ client: model.client, params: await checkpoints.loadModel(model, layout) })),
    )
    const global = loaded.find(({ client }) => client === null)!.params
    const clients = loaded.flatMap(({ client, params }) => (client === null ? [] : [{ client, params }]))
    const step = { key: 'k', round, models: clients, global, averaged: ['fc1'] }
    const measuring = assert.rejects(
      compute.probe(step, () => {}),
      refuses('interrupted'),
    )
    await compute.cancelProbe('k')
    await measuring
    await compute.closeProbe('k')
  })

  test('what the end of its process cut short has failed visibly, and so has what nobody looks after any more', async () => {
    const { store } = await ranRun({}, false)
    const forsaken = await store.createProbe('a', { request: {}, total: 1 })
    let stop = () => {}
    let begun = () => {}
    const begins = new Promise<void>(resolve => {
      begun = resolve
    })
    const service = serviceOn(store, {
      ...compute,
      probe: () => {
        begun()
        return new Promise((_, reject) => {
          stop = () => reject(new FedError('interrupted'))
        })
      },
      cancelProbe: async () => stop(),
    })
    const { probe } = await service.create('a', { rounds: 1 })
    await begins
    await service.close()
    const record = await store.probe('a', probe)
    assert.deepEqual([record.status, record.error?.code], ['failed', 'interrupted'])
    assert.equal((await store.probe('a', forsaken.probe)).status, 'queued')
    const error = { code: 'interrupted', message: 'gone' }
    assert.equal(await store.failForsaken(new Date(Date.now() + 1000), error), 1)
    await assert.rejects(service.create('a', {}), refuses('interrupted'))
  })
})
