import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ClientProcesses, startClientProcesses } from '../../src/main/client-processes.ts'
import { type Coordinator, startCoordinator } from '../../src/main/coordinator.ts'
import { type SimulationEnd, simulate } from '../../src/main/simulate.ts'

const RUN = {
  ...{ name: 'twice', seed: 3, rounds: 2, model: { name: 'mlp', hidden: [8] } },
  data: { name: 'synthetic', dimension: 6, classes: 3, train: 200, test: 50 },
  clients: { total: 4 },
}

let coordinator: Coordinator
let dataDir: string
let crew: ClientProcesses
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fedstrata-crew-'))
  coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir, engine: 'cpu' })
  crew = startClientProcesses(1, { engine: 'cpu' })
})
after(async () => {
  await crew.close()
  await coordinator.close()
  await rm(dataDir, { recursive: true, force: true })
})

const simulated = (options: { standby?: ClientProcesses } = {}) =>
  simulate(coordinator, RUN, { workers: 1, engine: 'cpu', ...options })

async function modelOf({ run, outcome, error }: SimulationEnd): Promise<string> {
  assert.equal(outcome, 'completed', error?.message)
  return (await coordinator.store.latestCheckpoint(run))!.sha256
}

test('processes take part in one run after the other, and compute in each what new ones would', async () => {
  const models = [await simulated({ standby: crew }), await simulated({ standby: crew }), await simulated()]
  const [first, second, anew] = await Promise.all(models.map(modelOf))
  assert.deepEqual([second, anew], [first, first])
})

test('a process that failed is started again for the next run', async () => {
  const stay = crew.join({ url: coordinator.url, run: 'none', token: 'wrong', engine: 'cpu' })
  const { code, message } = await stay.gone
  assert.deepEqual([code, /exit codes 2/.test(message)], ['client_failed', true])
  await stay.left()
  await modelOf(await simulated({ standby: crew }))
})
