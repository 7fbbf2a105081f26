import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LocalTask, PrepareTrainer } from '../../clients/trainer.ts'
import { runClient } from '../../clients/worker.ts'
import { limitsFor } from '../../src/protocol/limits.ts'
import { blockSegment } from '../../src/protocol/segments.ts'
import type { ServerState } from '../../src/rounds/ports.ts'
import { counting, small } from '../protocol/layouts.ts'
import { startGateway, TOKEN } from '../socket/harness.ts'

test('what all are told comes with the global blocks, what is kept with the task, and what is asked for goes back', async t => {
  const extras = [
    { name: 'control/fc1', size: 9 },
    { name: 'control/fc2', size: 8 },
  ]
  const tell = ({ round }: ServerState): ReadonlyMap<string, Float32Array> =>
    new Map(round === 0 ? [] : [['control/fc1', new Float32Array(9).fill(round)]])
  const harness = await startGateway({ extras, tell })
  const stop = new AbortController()
  const tasks: LocalTask[] = []
  const prepare: PrepareTrainer = async () => ({
    async train(task) {
      tasks.push(task)
      const blocks = task.reply.map(name => [blockSegment(name), task.global.get(name)!] as const)
      const made = task.extras.map(({ name, size }) => [name, new Float32Array(size).fill(task.round + 0.5)] as const)
      return { segments: new Map([...blocks, ...made]), numExamples: task.numExamples, trainLoss: 0, steps: 1 }
    },
    dispose() {},
  })
  const client = runClient({ url: harness.url, run: 'run-1', token: TOKEN, trainer: prepare, signal: stop.signal })
  t.after(async () => {
    stop.abort()
    await client
    await harness.stop()
  })
  const { process } = await harness.until('joined')
  const params = counting(small.size)
  const server = (round: number): ServerState => ({ round, params, strategy: null, clients: new Map() })
  const kept = Float32Array.from({ length: 9 }, (_, i) => -i)

  harness.clients.assign(process, harness.task(0, { server: server(0), extras: [extras[1]!] }))
  const first = await harness.until('update')
  assert.deepEqual([...tasks[0]!.told], [])
  assert.deepEqual([...first.update.segments.keys()], ['block/fc1', 'block/fc2', 'control/fc2'])
  assert.deepEqual(first.update.segments.get('control/fc2'), new Float32Array(8).fill(1.5))

  const own = new Map([['control/fc1', kept]])
  harness.clients.assign(process, harness.task(3, { round: 2, server: server(1), own, extras }))
  const second = await harness.until('update', 2)
  assert.deepEqual([...tasks[1]!.told], [['control/fc1', new Float32Array(9).fill(1)]])
  assert.deepEqual([...tasks[1]!.kept], [...own])
  assert.deepEqual([[...tasks[1]!.own], [...tasks[1]!.memory]], [[], []])
  assert.deepEqual([...tasks[1]!.global.keys()], ['fc1', 'fc2'])
  assert.deepEqual([...second.update.segments.keys()], ['block/fc1', 'block/fc2', 'control/fc1', 'control/fc2'])
  // 17 blocks' values told and 9 besides, 9 kept; twice the model went up.
  assert.equal(harness.clients.bytesDown(2), 4 * (17 + 9 + 9))
  assert.equal(second.update.bytes, 4 * 34)
})

test('the limit of an update leaves room for the extras of the run, and for no more', () => {
  const extras = [{ name: 'control/fc1', size: 9 }]
  assert.equal(limitsFor(small, extras).maxUpdateBytes - limitsFor(small).maxUpdateBytes, 36)
})
