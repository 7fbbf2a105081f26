import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { createRng, normal } from '../../src/core/rng.ts'
import type { AveragedRound, MeasuredRound, RoundJob } from '../../src/rounds/closed-round.ts'
import type { ComputeCall, ComputeReply, OpenedSession } from '../../src/rounds/compute.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'

const RUN_FILE = {
  name: 'fragile',
  seed: 3,
  rounds: 2,
  model: { name: 'mlp', hidden: [40] },
  data: { name: 'synthetic', classes: 3, dimension: 30, train: 60, test: 30 },
  clients: { total: 2, perRound: 2 },
  evaluate: { clients: false },
  barriers: { every: 0 },
}

describe('a compute worker whose device is lost', { skip: withoutSoftwareAdapter() }, () => {
  const { port1: fuse, port2 } = new MessageChannel()
  let worker: Worker
  before(() => {
    const workerData = { engine: 'webgpu', fuse: port2 }
    worker = new Worker(new URL('./fragile-worker.js', import.meta.url), { workerData, transferList: [port2] })
  })
  after(async () => {
    fuse.close()
    await worker.terminate()
  })

  async function ask<T>(call: ComputeCall): Promise<T> {
    worker.postMessage({ id: 1, call })
    const [reply] = (await once(worker, 'message')) as [ComputeReply]
    if (reply.ok) return reply.data as T
    throw Object.assign(new Error(reply.error.message), reply.error)
  }

  function jobOf({ layout, initial }: OpenedSession): RoundJob {
    const updates = [0, 1].map(client => {
      const rng = createRng(client)
      const params = initial.params.map(value => value + 0.1 * normal(rng))
      const segments = new Map(
        layout.blocks.map(({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)]),
      )
      return { client, numExamples: 10 + client, segments }
    })
    return { round: 1, server: initial, updates }
  }

  it('fails the round that needed it with a typed error, and closes the same round to the same bits when resumed', async () => {
    const run = 'fragile'
    const close = async () => {
      const job = jobOf(await ask<OpenedSession>({ method: 'open', run, runFile: RUN_FILE }))
      const { server } = await ask<AveragedRound>({ method: 'average', run, job })
      const { evaluation } = await ask<MeasuredRound>({ method: 'measure', run, round: 1 })
      return { job, params: server.params, evaluation }
    }
    const first = await close()
    assert.ok(first.evaluation && first.evaluation.loss > 0)

    fuse.postMessage('pull')
    await once(fuse, 'message')
    await assert.rejects(ask({ method: 'average', run, job: first.job }), { code: 'engine_lost' })
    await assert.rejects(ask({ method: 'average', run, job: first.job }), { code: 'engine_lost' })
    await ask({ method: 'release', run })

    const again = await close()
    assert.deepEqual(again.params, first.params)
    assert.deepEqual(again.evaluation, first.evaluation)
  })
})
