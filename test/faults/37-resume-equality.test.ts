import assert from 'node:assert/strict'
import { fault, type Stage, type StageRun, stage, temporaryDir } from './stage.ts'

const RUN = {
  rounds: 8,
  clients: { total: 6, perRound: 4 },
  local: { optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9 } },
  strategy: { layers: [{ match: '*' }], server: [{ name: 'adam', learningRate: 0.01 }] },
  barriers: { every: 2, between: ['clients'], examples: 12 },
}

/** Everything that a run left behind but what clocks say. */
async function remains({ coordinator: { store } }: Stage, { id }: StageRun) {
  const metrics = (await store.metrics(id, { limit: 1000 })).items.filter(({ key }) => !/_ms$|^net\//.test(key))
  const barriers = (await store.barriers(id, { limit: 1000 })).items
  const checkpoint = await store.latestCheckpoint(id)
  return { metrics, barriers, sha256: checkpoint?.sha256, state: checkpoint?.stateSha256 }
}

fault(
  'eight rounds, and three rounds with a stop, a restart and five more, leave the same model and the same rows',
  async t => {
    const dataDir = await temporaryDir(t)
    const first = await stage(t, { dataDir })
    const whole = await first.run(RUN)
    const player = await whole.join('p', 4)
    player.work()
    assert.equal((await whole.ended()).status, 'completed')
    const expected = await remains(first, whole)
    assert.ok(expected.metrics.length > 100 && expected.barriers.length > 4)

    const broken = await first.run(RUN)
    const part = await broken.join('p', 4)
    part.work()
    await broken.round(3)
    await first.close()
    const second = await stage(t, { dataDir })
    const { finalRound } = await second.coordinator.store.run(broken.id)
    assert.ok(finalRound >= 3 && finalRound < 8, `stopped after round ${finalRound}`)
    const rest = await second.resume(broken.id)
    const other = await rest.join('another', 2)
    other.work()
    assert.equal((await rest.ended()).status, 'completed')
    assert.deepEqual(await remains(second, rest), expected)
  },
)
