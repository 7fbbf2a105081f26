import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { noopTrainer } from '../../clients/noop-trainer.ts'
import type { PrepareTrainer } from '../../clients/trainer.ts'
import { runClient } from '../../clients/worker.ts'
import type { RoundRecord } from '../../src/core/records.ts'
import { temporaryFolder } from '../cli/cli.ts'
import { type OpenedRun, type ServeProcess, serve } from './serve.ts'
import { fault } from './stage.ts'

const CLIENTS = 1000
const RUN = {
  rounds: 2,
  data: { name: 'synthetic', dimension: 4, classes: 3, train: 2 * CLIENTS, test: 12 },
  clients: { total: CLIENTS },
}

/** The operator's own: it opens a run that was resumed too. */
const TOKEN = { FEDSTRATA_JOIN_TOKEN: 'a-token-that-stays-the-same' }

/** Of the coordinator; 303 and 319 were measured, and 200 before anybody came. */
const RESIDENT_BYTES = 450 * 2 ** 20

fault(
  'a thousand clients that come at once all take part, and all come back by themselves to a restarted coordinator',
  async t => {
    const folder = await temporaryFolder(t)
    const first = await serve(t, folder, [], TOKEN)
    const opened = await first.create(RUN)
    const { id } = opened.run
    const crowd = comeAtOnce(first.url, opened)
    t.after(() => crowd.leave())
    await crowd.allHoldRound2()
    assert.equal(await gauge(first, 'fedstrata_client_processes'), CLIENTS)
    assert.equal((await round(first, id, 1)).clients.completed, CLIENTS)
    assert.ok((await gauge(first, 'process_resident_memory_bytes')) < RESIDENT_BYTES)
    first.process.kill('SIGKILL')
    await first.process.finished

    const second = await serve(t, folder, ['--port', new URL(first.url).port], TOKEN)
    await second.post(`/api/v1/runs/${id}/resume`)
    while ((await gauge(second, 'fedstrata_client_processes')) < CLIENTS); // their longest pause is 15 s
    assert.ok((await gauge(second, 'process_resident_memory_bytes')) < RESIDENT_BYTES)
    crowd.goOn()
    assert.deepEqual(await crowd.outcomes(), new Set(['completed']))
    for (const at of [1, 2]) assert.equal((await round(second, id, at)).clients.completed, CLIENTS)
  },
)

/** Clients of the test's process, each with a connection of its own. What they do in round 2 they do when they may. */
function comeAtOnce(url: string, { run, joinToken: token }: OpenedRun) {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  let goOn = () => {}
  let holds: () => unknown = () => {}
  const allowed = new Promise<void>(resolve => {
    goOn = resolve
  })
  let holding = 0
  const allHold = new Promise<void>(resolve => {
    holds = () => ++holding === CLIENTS && resolve()
  })
  const trainer: PrepareTrainer = async (...of) => {
    const { train, dispose } = await noopTrainer(...of)
    return {
      dispose,
      async train(task, signal) {
        if (task.round === 2) {
          holds()
          await allowed
        }
        return train(task, signal)
      },
    }
  }
  const ends = Array.from({ length: CLIENTS }, (_, i) =>
    runClient({ url, run: run.id, token, process: `p${i}`, trainer, signal: stop.signal }),
  )
  return {
    /** Each has its task of round 2 in hand. Rejects when one ends before. */
    allHoldRound2: () => Promise.race([allHold, ...ends]),
    goOn: () => goOn(),
    outcomes: async () => new Set(await Promise.all(ends)),
    leave: () => stop.abort(),
  }
}

function round(of: ServeProcess, run: string, number: number): Promise<RoundRecord> {
  return of.get(`/api/v1/runs/${run}/rounds/${number}`)
}

async function gauge({ url }: ServeProcess, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
