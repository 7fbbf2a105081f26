import assert from 'node:assert/strict'
import { codeOf, fault, stage, temporaryDir } from './stage.ts'

const RUN = { rounds: 3, clients: { total: 1 } }

fault(
  'a run is resumed on the engine that computed it; another one is refused, unless asked for, and every round says its own',
  async t => {
    const dataDir = await temporaryDir(t)
    const first = await stage(t, { dataDir, engine: 'cpu' })
    const begun = await first.run(RUN)
    const waiting = await first.run(RUN)
    const player = await begun.join('p')
    assert.equal(codeOf(await player.send(await player.task(0))), 'counted')
    await begun.round(1)
    await first.close()

    const second = await stage(t, { dataDir, engine: 'wasm' })
    const { store } = second.coordinator
    const before = await store.run(begun.id)
    assert.deepEqual([before.status, before.engine, before.finalRound], ['stopped', 'cpu', 1])
    const resume = (query: string) => second.rest(`/api/v1/runs/${begun.id}/resume${query}`, { method: 'POST' })
    for (const query of ['', '?engine=same']) {
      const { status, body } = await resume(query)
      const { code, detail } = body as { code: string; detail: string }
      assert.deepEqual([status, code], [409, 'engine_mismatch'])
      assert.match(detail, /cpu, which computed run \S+ up to round 1.*got wasm.*--allow-engine-change.*engine=any/s)
    }
    assert.deepEqual(await store.run(begun.id), before)
    assert.equal((await store.lease(begun.id)).state, 'free')
    assert.equal((await resume('?engine=other')).status, 400)
    await assert.rejects(second.resume(begun.id), { code: 'engine_mismatch' })

    assert.equal((await resume('?engine=any')).status, 200)
    await second.coordinator.runs.stop(begun.id)
    const again = await second.resume(begun.id, { allowEngineChange: true })
    const other = await again.join('q')
    for (const round of [2, 3]) await other.send(await other.task(0, round))
    assert.equal((await again.ended()).status, 'completed')
    const { items } = await store.rounds(begun.id, { limit: 9 })
    assert.deepEqual(
      items.map(({ engine }) => engine),
      ['cpu', 'wasm', 'wasm'],
    )
    assert.equal((await store.run(begun.id)).engine, 'cpu')

    // Where no round is complete nothing is mixed.
    assert.equal((await second.resume(waiting.id)).id, waiting.id)
    assert.equal((await store.run(waiting.id)).engine, 'wasm')
  },
)
