import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { layoutOf, type TensorSpec } from '../../src/core/layout.ts'
import { decodeTensors } from '../../src/core/safetensors.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import type { ServerState } from '../../src/rounds/ports.ts'
import { checkpointFiles } from '../../src/store/checkpoint-files.ts'
import { refuses } from './contract.ts'

const spec = (name: string, shape: number[], kind: TensorSpec['kind']): TensorSpec => ({
  name,
  shape,
  kind,
  trainable: true,
})
const layout = layoutOf([
  spec('fc1/kernel', [3, 2], 'kernel'),
  spec('fc1/bias', [2], 'bias'),
  spec('fc2/kernel', [2, 1], 'kernel'),
  spec('fc2/bias', [1], 'bias'),
])
const otherLayout = layoutOf([spec('fc1/kernel', [2, 3], 'kernel'), spec('fc1/bias', [5], 'bias')])

const stateAt = (round: number): ServerState => ({
  round,
  params: Float32Array.from({ length: 11 }, (_, i) => i / 3),
  strategy: { step: 4, velocity: Float32Array.of(1, 2), chain: [null, { seen: Number.NEGATIVE_INFINITY, zero: -0 }] },
  clients: new Map([
    [12, new Map([['block/fc2', Float32Array.of(1, 2, 3)]])],
    [
      3,
      new Map([
        ['momentum/fc1', Float32Array.of(4)],
        ['block/fc2', Float32Array.of(5, -0, 6)],
      ]),
    ],
    [7, new Map()],
  ]),
})

const root = mkdtempSync(join(tmpdir(), 'fedstrata-checkpoints-'))
after(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const fresh = () => {
  const dataDir = join(root, String(++folders))
  return { dataDir, store: checkpointFiles(dataDir) }
}

describe('checkpoint files', () => {
  test('large tensors and thousands of small ones come back as they were, from memory that threads share too', async () => {
    const { dataDir, store } = fresh()
    const large = layoutOf([
      spec('fc1/kernel', [3, 2], 'kernel'),
      spec('fc2/kernel', [70_001, 3], 'kernel'),
      ...Array.from({ length: 300 }, (_, i) => spec(`norm${i}/scale`, [1 + (i % 500)], 'norm')),
    ])
    const params = new Float32Array(new SharedArrayBuffer(4 * large.size)).map((_, i) => Math.sin(i))
    const clients = Array.from({ length: 2000 }, (_, client) => {
      const kept: [string, Float32Array] = ['block/fc1', Float32Array.from({ length: 6 }, (_, i) => client + i)]
      return [client, new Map([kept])] as const
    })
    const state = { round: 1, params, strategy: { velocity: params.slice(5) }, clients: new Map(clients) }
    const record = await store.save('run_1', state, large)
    assert.deepEqual(await store.load(record, large), state)
    for (const [file, sha256] of [[record.file, record.sha256], [record.stateFile, record.stateSha256]] as const)
      assert.equal(createHash('sha256').update(readFileSync(join(dataDir, file))).digest('hex'), sha256) // biome-ignore format: one line
    assert.equal(record.bytes, readFileSync(join(dataDir, record.file)).byteLength)
  })

  test('a state comes back as it was', async () => {
    const { dataDir, store } = fresh()
    const record = await store.save('run_1', stateAt(5), layout)
    assert.equal(record.file, 'runs/run_1/round-0005.safetensors')
    assert.equal(record.stateFile, 'runs/run_1/round-0005.state.safetensors')
    assert.equal(store.path(record), join(dataDir, record.file))
    const bytes = readFileSync(store.path(record))
    assert.equal(record.bytes, bytes.length)
    assert.equal(record.sha256, createHash('sha256').update(bytes).digest('hex'))
    assert.deepEqual(await store.load(record, layout), stateAt(5))
    assert.deepEqual(readdirSync(join(dataDir, 'runs/run_1')), [
      'round-0005.safetensors',
      'round-0005.state.safetensors',
    ])
  })

  test('any strategy tree comes back as it was', async () => {
    const { store } = fresh()
    const number = fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY))
    const floats = fc.array(fc.float(), { maxLength: 4 }).map(values => Float32Array.from(values))
    const key = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,6}$/)
    const { tree } = fc.letrec<{ tree: StateTree }>(tie => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constant(null),
        number,
        floats,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 3, noNullPrototype: true }),
      ),
    }))
    let nested = 0
    await fc.assert(
      fc.asyncProperty(tree, async strategy => {
        const state = { ...stateAt(1), strategy }
        assert.deepEqual(await store.load(await store.save('a', state, layout), layout), state)
        nested += Number(JSON.stringify(strategy).includes('{"0":') || JSON.stringify(strategy).includes('[['))
      }),
      { numRuns: 50, seed: 5 },
    )
    assert.ok(nested >= 3, `${nested} trees held something nested`)
  })

  test('the model file is one tensor for each weight and depends on nothing but model and layout', async () => {
    const [left, right] = [fresh().store, fresh().store]
    const first = await left.save('a', stateAt(5), layout)
    const second = await right.save('another-run', { ...stateAt(9), strategy: null, clients: new Map() }, layout)
    assert.equal(first.sha256, second.sha256)
    const { tensors, metadata } = decodeTensors(readFileSync(left.path(first)))
    assert.deepEqual(metadata, { format: 'fedstrata', layout: layout.digest })
    assert.deepEqual(
      tensors.map(({ name, shape, data }) => [name, shape, data[0]]),
      [
        ['fc1/kernel', [3, 2], 0],
        ['fc1/bias', [2], Math.fround(6 / 3)],
        ['fc2/kernel', [2, 1], Math.fround(8 / 3)],
        ['fc2/bias', [1], Math.fround(10 / 3)],
      ],
    )
  })

  test('the state file does not depend on the order in which clients arrived', async () => {
    const { store } = fresh()
    const state = stateAt(5)
    const first = await store.save('a', state, layout)
    const reversed = new Map([...state.clients].reverse().map(([client, own]) => [client, new Map([...own].reverse())]))
    const second = await store.save('b', { ...state, clients: reversed }, layout)
    assert.equal(first.stateSha256, second.stateSha256)
  })

  test('a missing, damaged, cut or exchanged file is checkpoint_invalid', async () => {
    const { store, dataDir } = fresh()
    const record = await store.save('a', stateAt(5), layout)
    const other = await store.save('a', { ...stateAt(6), params: new Float32Array(11) }, layout)
    for (const file of [record.file, record.stateFile]) {
      const path = join(dataDir, file)
      const good = readFileSync(path)
      const flipped = Buffer.from(good)
      flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
      for (const bad of [flipped, good.subarray(0, -4), Buffer.alloc(0), readFileSync(store.path(other))]) {
        writeFileSync(path, bad)
        await assert.rejects(store.load(record, layout), refuses('checkpoint_invalid'))
      }
      rmSync(path)
      await assert.rejects(store.load(record, layout), refuses('checkpoint_invalid'))
      writeFileSync(path, good)
      await store.load(record, layout)
    }
    const exchanged = { ...record, stateFile: other.stateFile, stateSha256: other.stateSha256 }
    await assert.rejects(store.load(exchanged, layout), refuses('checkpoint_invalid'), 'state of another round')
    const swapped = { ...record, file: record.stateFile, sha256: record.stateSha256 }
    await assert.rejects(store.load(swapped, layout), refuses('checkpoint_invalid'), 'state in place of the model')
  })

  test('a value that is not finite is checkpoint_invalid with its place, in the model, a kept model and what clients keep', async () => {
    const { store } = fresh()
    const broken = { ...stateAt(1), params: stateAt(1).params.with(7, Number.NaN) }
    const says = (message: RegExp) => (error: unknown) =>
      refuses('checkpoint_invalid')(error) && message.test(String(error))
    await assert.rejects(store.load(await store.save('a', broken, layout), layout), says(/NaN at fc1\/bias\[1\]/))
    const kept = { round: 1, client: 3, params: broken.params.map(Math.abs) }
    await assert.rejects(store.loadModel(await store.saveModel('a', kept, layout), layout), says(/fc1\/bias\[1\]/))
    const clients = new Map([[12, new Map([['block/fc2', Float32Array.of(1, Number.NEGATIVE_INFINITY)]])]])
    const state = await store.save('b', { ...stateAt(1), clients }, layout)
    await assert.rejects(store.load(state, layout), says(/-Infinity at client\/12\/block\/fc2\[1\]/))
  })

  test('a checkpoint of another layout is checkpoint_invalid, and parameters of another size are not written', async () => {
    const { store, dataDir } = fresh()
    const record = await store.save('a', stateAt(5), layout)
    await assert.rejects(store.load(record, otherLayout), refuses('checkpoint_invalid'))
    await assert.rejects(store.load(record, { ...otherLayout, digest: layout.digest }), refuses('checkpoint_invalid'))
    const short = { ...stateAt(1), params: new Float32Array(10) }
    await assert.rejects(store.save('b', short, layout), refuses('layout_mismatch'))
    assert.ok(!existsSync(join(dataDir, 'runs/b')))
  })

  test('no run id and no record leads out of the data directory', async () => {
    const { store, dataDir } = fresh()
    for (const run of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a'.repeat(65), 'ü', 'a\0', 'a.b']) {
      await assert.rejects(store.save(run, stateAt(1), layout), refuses('input_invalid'), run)
      await assert.rejects(store.prune(run, 1), refuses('input_invalid'), run)
    }
    assert.ok(!existsSync(dataDir))
    const record = await store.save('a', stateAt(1), layout)
    for (const file of [
      '/etc/passwd',
      '../x',
      'runs/../../x.safetensors',
      'runs/a/round-1.safetensors',
      `${record.file}\n`,
    ]) {
      assert.throws(() => store.path({ ...record, file }), refuses('checkpoint_invalid'), file)
      await assert.rejects(store.load({ ...record, stateFile: file }, layout), refuses('checkpoint_invalid'), file)
    }
  })

  test('a write that fails keeps the checkpoint before it, and leaves no temporary file', async () => {
    const { store, dataDir } = fresh()
    const record = await store.save('a', stateAt(1), layout)
    // A folder where the model of round 2 should go: its rename fails after the write.
    mkdirSync(join(dataDir, 'runs/a/round-0002.safetensors/x'), { recursive: true })
    await assert.rejects(store.save('a', stateAt(2), layout), refuses('checkpoint_invalid'))
    assert.ok(readdirSync(join(dataDir, 'runs/a')).every(name => !name.endsWith('.tmp')))
    assert.deepEqual(await store.load(record, layout), stateAt(1))
  })

  test('what a killed process left half-written is overwritten, and a round can be saved twice', async () => {
    const { store, dataDir } = fresh()
    mkdirSync(join(dataDir, 'runs/a'), { recursive: true })
    writeFileSync(join(dataDir, 'runs/a/round-0001.safetensors.tmp'), 'half of a mod')
    const first = await store.save('a', stateAt(1), layout)
    const second = await store.save('a', stateAt(1), layout)
    assert.deepEqual(first, second)
    assert.deepEqual(await store.load(second, layout), stateAt(1))
  })

  test('a kept model comes back as it was, on shared memory, and outlives the pruning of its round', async () => {
    const { dataDir, store } = fresh()
    const { params } = stateAt(1)
    const client = await store.saveModel('r', { round: 1, client: 12, params }, layout)
    const global = await store.saveModel('r', { round: 1, client: null, params: params.map(value => -value) }, layout)
    assert.equal(client.file, 'runs/r/round-0001.client-12.safetensors')
    assert.equal(global.file, 'runs/r/round-0001.global.safetensors')
    await store.save('r', stateAt(1), layout)
    await store.prune('r', 9)
    assert.deepEqual(readdirSync(join(dataDir, 'runs/r')).sort(), [
      'round-0001.client-12.safetensors',
      'round-0001.global.safetensors',
    ])
    const loaded = await store.loadModel(client, layout)
    assert.ok(loaded.buffer instanceof SharedArrayBuffer)
    assert.deepEqual([...loaded], [...params])
    assert.deepEqual(
      [...(await store.loadModel(global, layout))],
      [...params].map(value => -value),
    )
    assert.equal(readFileSync(store.path(client)).length, client.bytes)
    await assert.rejects(store.loadModel({ ...client, sha256: '0'.repeat(64) }, layout), refuses('checkpoint_invalid'))
    await assert.rejects(store.loadModel(client, otherLayout), refuses('checkpoint_invalid'))
  })

  test('pruning deletes the rounds before the given one, and nothing else', async () => {
    const { store, dataDir } = fresh()
    for (const round of [1, 2, 3, 12345]) await store.save('a', stateAt(round), layout)
    await store.save('b', stateAt(1), layout)
    const inRun = (name: string) => join(dataDir, 'runs/a', name)
    writeFileSync(inRun('round-0002.safetensors.tmp'), '')
    writeFileSync(inRun('notes.txt'), '')
    await store.prune('a', 3)
    assert.deepEqual(readdirSync(inRun('')), [
      'notes.txt',
      'round-0003.safetensors',
      'round-0003.state.safetensors',
      'round-12345.safetensors',
      'round-12345.state.safetensors',
    ])
    assert.equal(readdirSync(join(dataDir, 'runs/b')).length, 2)
    await store.prune('never-saved', 3)
  })
})
