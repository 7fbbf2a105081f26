import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { countNotice, createServerMetrics } from '../../src/server/http/server-metrics.ts'
import { addRun, barrierRecords, roundRecord } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

test('/healthz tells that the process lives, /readyz that the database answers', async t => {
  const { deps, send } = await harness(t)
  assert.deepEqual((await send('/healthz')).json(), { status: 'ok', version: '1.2.3' })
  assert.deepEqual((await send('/readyz')).json(), { status: 'ready' })
  deps.store.ping = () => Promise.reject(new Error('connection refused to 10.0.0.7'))
  const response = await send('/readyz')
  problem(response, 503, 'database_invalid')
  assert.doesNotMatch(response.body, /10\.0\.0\.7/)
  assert.equal((await send('/healthz')).statusCode, 200)
})

test('a database that does not answer in time is not ready', async t => {
  const { deps, send } = await harness(t)
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const asked = new Promise<void>(resolve => {
    deps.store.ping = () => {
      resolve()
      return new Promise(() => {})
    }
  })
  const response = send('/readyz')
  await asked
  await new Promise(resolve => setImmediate(resolve)) // the limit is set in the same turn as the question
  mock.timers.tick(2000)
  problem(await response, 503, 'database_invalid')
})

test('/metrics speaks Prometheus: the process, the event loop, and requests by method, route pattern and status', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await send('/api/v1/runs/a')
  await send('/api/v1/runs/nobody')
  const response = await send('/metrics')
  assert.match(String(response.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds', 'fedstrata_rounds_total 0'])
    assert.ok(response.body.includes(name), name)
  const count = (labels: string) =>
    response.body.includes(`fedstrata_http_request_duration_seconds_count{${labels}} 1\n`)
  assert.ok(count('method="GET",route="/api/v1/runs/:id",status="200"'))
  assert.ok(count('method="GET",route="/api/v1/runs/:id",status="404"'))
  assert.doesNotMatch(response.body, /nobody/)
})

test('notices of runs become counts: rounds, their seconds and phases, clients by outcome, ends', async () => {
  const metrics = createServerMetrics()
  const round = {
    type: 'round' as const,
    run: 'a',
    record: roundRecord(1),
    barriers: barrierRecords(1),
    bytes: { up: 5, down: 7 },
  }
  countNotice(metrics, round)
  countNotice(metrics, round)
  countNotice(metrics, { type: 'status', run: 'a', status: 'running' })
  countNotice(metrics, { type: 'status', run: 'a', status: 'completed' })
  countNotice(metrics, { type: 'progress', run: 'a', round: 1, completed: 1, selected: 2, phase: 'train' })
  const told = await metrics.registry.metrics()
  for (const line of [
    'fedstrata_rounds_total 2',
    'fedstrata_round_duration_seconds_sum 0.5',
    'fedstrata_round_phase_seconds_total{phase="train"} 0.4',
    'fedstrata_updates_total{status="completed"} 2',
    'fedstrata_updates_total{status="dropped"} 2',
    'fedstrata_updates_total{status="rejected"} 0',
    'fedstrata_run_ends_total{status="completed"} 1',
    'fedstrata_network_bytes_total{direction="up"} 10',
    'fedstrata_network_bytes_total{direction="down"} 14',
  ])
    assert.ok(told.includes(`${line}\n`), line)
  assert.doesNotMatch(told, /status="running"/)
})

test('the metrics that the rest of the server counts in are those that /metrics serves', async t => {
  const metrics = createServerMetrics()
  const { send } = await harness(t, { metrics })
  metrics.bytes.inc({ direction: 'up' }, 427)
  assert.match((await send('/metrics')).body, /fedstrata_network_bytes_total\{direction="up"\} 427/)
})
