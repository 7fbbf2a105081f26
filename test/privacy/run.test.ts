import assert from 'node:assert/strict'
import { accountant } from '../../src/privacy/accountant.ts'
import { fault, type StageRun, stage, temporaryDir } from '../faults/stage.ts'

const RUN = {
  rounds: 6,
  clients: { total: 4, perRound: 2, sampling: 'poisson' },
  strategy: { server: [{ name: 'momentum' }] },
  privacy: { clipNorm: 0.5, noiseMultiplier: 2, delta: 0.01 },
  seed: 5,
}

async function end(run: StageRun, coordinator: Awaited<ReturnType<typeof stage>>['coordinator']) {
  const record = await run.ended()
  const rows = (await coordinator.store.metrics(run.id, { key: 'privacy/epsilon', limit: 100 })).items
  const checkpoint = await coordinator.store.latestCheckpoint(run.id)
  return { record, epsilons: rows.map(({ round, value }) => [round, value]), sha256: checkpoint?.sha256 }
}

fault(
  'a private run has epsilon after every round, the same bits and numbers when it is stopped and resumed, also over rounds in which nobody was sampled',
  async t => {
    const dataDir = await temporaryDir(t)
    const first = await stage(t, { dataDir })
    const whole = await first.run(RUN)
    ;(await whole.join('p')).work()
    const expected = await end(whole, first.coordinator)
    assert.equal(expected.record.status, 'completed', expected.record.error?.message)
    assert.equal(expected.record.error, null)
    const { epsilonAfter } = accountant({ sampling: 'poisson', rate: 0.5, noise: 2 }, 0.01)
    assert.deepEqual(
      expected.epsilons,
      [1, 2, 3, 4, 5, 6].map(round => [round, epsilonAfter(round)]),
    )
    const rounds = (await first.coordinator.store.rounds(whole.id, { limit: 10 })).items
    const empty = rounds.filter(({ clients }) => clients.selected === 0)
    assert.ok(empty.length > 0, `nobody sampled in some round: ${rounds.map(({ clients }) => clients.selected)}`)
    assert.deepEqual(empty[0]!.averaged, ['fc1'], 'the noise is a step of the model all the same')

    const broken = await first.run(RUN)
    ;(await broken.join('p')).work()
    await broken.round(2)
    await first.close()
    const second = await stage(t, { dataDir })
    const rest = await second.resume(broken.id)
    ;(await rest.join('another', 2)).work()
    const resumed = await end(rest, second.coordinator)
    assert.deepEqual({ ...resumed, record: null }, { ...expected, record: null })
  },
)

fault(
  'a private run ends before its budget is passed: completed, with the reason, and its last round evaluated',
  async t => {
    const { epsilonAfter } = accountant({ sampling: 'poisson', rate: 0.5, noise: 2 }, 0.01)
    const { run: begin, coordinator, rest } = await stage(t)
    const run = await begin({
      ...RUN,
      evaluate: { every: 0 },
      privacy: { ...RUN.privacy, maxEpsilon: epsilonAfter(3) },
    })
    ;(await run.join('p')).work()
    const { record, epsilons } = await end(run, coordinator)
    assert.deepEqual([record.status, record.finalRound, record.rounds], ['completed', 3, 6])
    assert.equal(record.error?.code, 'privacy_spent')
    assert.match(record.error?.message ?? '', /after round 4\. The run ends with round 3/)
    assert.equal(epsilons.length, 3)
    assert.notEqual((await coordinator.store.round(run.id, 3)).accuracy, null)
    const over = await rest(`/api/v1/runs/${run.id}/metrics?key=privacy/epsilon`)
    assert.equal((over.body as { items: unknown[] }).items.length, 3)
  },
)

fault(
  'an update that is longer than it may be moves the model no further than clipNorm over the expected number',
  async t => {
    const { run: begin, coordinator, model } = await stage(t)
    const moved: Float32Array[] = []
    for (const factor of [0, 1e6]) {
      const run = await begin({
        ...{ rounds: 1, clients: { total: 4 }, seed: 8 },
        privacy: { clipNorm: 0.5, noiseMultiplier: 0.05, delta: 0.01 },
      })
      const player = await run.join('p')
      for (const client of [0, 1, 2, 3]) {
        const task = await player.task(client)
        const values = task.global.map((value, i) => value + (client === 2 ? factor * (1 + (i % 3)) : 0))
        await player.send(task, { values })
      }
      assert.equal((await end(run, coordinator)).record.status, 'completed')
      const clipped = (await coordinator.store.metrics(run.id, { key: 'privacy/clipped', limit: 10 })).items
      assert.deepEqual(clipped.map(({ value, layer }) => [value, layer]), [[factor === 0 ? 0 : 0.25, null]]) // biome-ignore format: one line
      moved.push(await model(run.id))
    }
    const [without, with_] = moved as [Float32Array, Float32Array]
    const distance = Math.sqrt(with_.reduce((sum, value, i) => sum + (value - without[i]!) ** 2, 0))
    assert.ok(Math.abs(distance - 0.5 / 4) < 1e-5, `${distance}`)
  },
)

fault(
  'with noise on updates the coordinator takes them as they come, and a loss that a client keeps to itself is none',
  async t => {
    const { run: begin, coordinator, model } = await stage(t)
    const privacy = { clipNorm: 0.5, noiseMultiplier: 4, noiseOn: 'updates', delta: 0.01 }
    const run = await begin({ rounds: 1, clients: { total: 4 }, privacy })
    const player = await run.join('p')
    const sent: Float32Array[] = []
    for (const client of [0, 1, 2, 3]) {
      const task = await player.task(client)
      const values = task.global.map((value, i) => value + 40 * Math.sin(7 * client + i))
      sent.push(values)
      const ack = await player.send(task, {
        values,
        numExamples: 1,
        metrics: { trainLoss: null, steps: 0, trainMs: 1 },
      })
      assert.ok(ack.ok, JSON.stringify(ack))
    }
    assert.equal((await end(run, coordinator)).record.status, 'completed')
    for (const [i, value] of (await model(run.id)).entries()) {
      const mean = sent.reduce((sum, values) => sum + values[i]! / 4, 0)
      assert.ok(Math.abs(value - mean) < 1e-5, `${i}: ${value} instead of ${mean}`)
    }
    assert.deepEqual((await run.updates(1)).map(({ trainLoss }) => trainLoss), [null, null, null, null]) // biome-ignore format: one line
    const losses = (await coordinator.store.metrics(run.id, { key: 'train/loss', limit: 10 })).items
    assert.ok(losses.length === 5 && losses.every(({ value }) => value === null))
    const clipped = await coordinator.store.metrics(run.id, { key: 'privacy/clipped', limit: 10 })
    assert.equal(clipped.items.length, 0)
  },
)
