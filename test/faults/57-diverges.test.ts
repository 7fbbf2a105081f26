import assert from 'node:assert/strict'
import { codeOf, fault, type Stage, stage, trained } from './stage.ts'

/** Finite, so that nobody is refused, and too large for a finite loss: float32 ends at 3.4e38. */
const HUGE = { values: new Float32Array(15).fill(3e38) }
const RUN = { rounds: 3, clients: { total: 2 } }

/** What is stored of a run that has ended, but for times and names. */
async function remains({ coordinator: { store } }: Stage, id: string) {
  const { status, finalRound, error } = await store.run(id)
  const rounds = (await store.rounds(id, { limit: 9 })).items
  const rows = rounds.map(({ round, diverged, loss, accuracy, engine }) => ({
    round,
    diverged,
    loss,
    accuracy,
    engine,
  }))
  return { status, finalRound, code: error?.code, rows, sha256: (await store.latestCheckpoint(id))?.sha256 }
}

fault(
  'a global model without a finite loss ends the run behind its round, which is stored whole, whoever was faster',
  async t => {
    const played = await stage(t)
    const { run, resume, rest, coordinator } = played
    const expected = {
      ...{ status: 'failed', finalRound: 1, code: 'model_diverged' },
      rows: [{ round: 1, diverged: true, loss: null, accuracy: null, engine: 'cpu' }],
    }
    const hashes = new Set<string | undefined>()
    for (const ahead of [false, true]) {
      const opened = await run(RUN)
      const player = await opened.join('p', 2)
      for (const client of [0, 1]) assert.equal(codeOf(await player.send(await player.task(client), HUGE)), 'counted')
      if (ahead) player.work(HUGE) // round 2 is answered as soon as it is asked for
      await opened.ended()
      const { sha256, ...rest } = await remains(played, opened.id)
      assert.deepEqual(rest, expected)
      hashes.add(sha256)

      // As a kill between the round's commit and the run's end would leave it.
      await coordinator.store.updateRun(opened.id, { status: 'running', error: null })
      await assert.rejects(resume(opened.id), { code: 'model_diverged' })
      assert.deepEqual(await remains(played, opened.id), { ...expected, sha256 })
      assert.equal((await coordinator.store.lease(opened.id)).state, 'free')
    }
    assert.equal(hashes.size, 1)
    const { status, body } = await rest('/api/v1/runs?limit=1')
    assert.equal(status, 200)
    const [{ id }] = (body as { items: [{ id: string }] }).items
    const again = await rest(`/api/v1/runs/${id}/resume`, { method: 'POST' })
    assert.deepEqual([again.status, (again.body as { code: string }).code], [409, 'model_diverged'])
  },
)

fault('with onDivergence continue the run goes on, and the round is marked', async t => {
  const { run } = await stage(t)
  const opened = await run({ ...RUN, rounds: 2, round: { onDivergence: 'continue' } })
  const player = await opened.join('p', 2)
  for (const client of [0, 1]) await player.send(await player.task(client), HUGE)
  for (const client of [0, 1]) {
    const task = await player.task(client, 2)
    await player.send(task, { values: trained({ ...task, global: new Float32Array(15) }) })
  }
  assert.equal((await opened.ended()).status, 'completed')
  const [first, second] = [await opened.round(1), await opened.round(2)]
  assert.deepEqual([first.diverged, first.accuracy, second.diverged], [true, null, false])
  assert.ok(second.accuracy !== null && second.loss !== null)
})

fault('proceed goes on with what came, not with nothing: a cohort that is refused as a whole ends the run', async t => {
  const { run } = await stage(t)
  const opened = await run({ ...RUN, round: { onShortfall: 'proceed', retries: 0 } })
  const player = await opened.join('p', 2)
  for (const client of [0, 1])
    await player.send(await player.task(client), { values: HUGE.values.map(() => Number.NaN) })
  const { status, error, finalRound } = await opened.ended()
  assert.deepEqual([status, error?.code, finalRound], ['failed', 'quorum_missed', 0])
  assert.match(error?.message ?? '', /2 rejected: non_finite/)
})
