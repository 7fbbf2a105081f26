import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import { parsePrometheus } from '../helpers/prometheus.ts'
import { connectRaw, heard } from '../socket/harness.ts'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'what happens in a run is in the log with its ids, by module and level, and in numbers that Prometheus reads',
  async t => {
    const sink = new PassThrough()
    const lines: Record<string, unknown>[] = []
    sink.on('data', line => lines.push(JSON.parse(String(line))))
    const { run, url, rest } = await stage(t, {
      log: pino({ level: 'silent' }, sink),
      logLevels: { rounds: 'debug', socket: 'debug' },
    })
    const opened = await run({ rounds: 2, clients: { total: 2 } })
    const player = await opened.join('p')
    const [bad, good] = [await player.task(0), await player.task(1)]
    assert.equal(codeOf(await player.send(bad, { numExamples: -1 })), 'example_count_invalid')
    assert.equal(codeOf(await player.send(good)), 'counted')
    for (const client of [0, 1]) assert.equal(codeOf(await player.send(await player.task(client, 2))), 'counted')
    assert.equal((await opened.ended()).status, 'completed')
    const stranger = connectRaw(url, { run: opened.id, token: 'not it', process: 'q' })
    await heard(stranger, 'connect_error')
    assert.equal((await rest('/api/v1/runs/none')).status, 404)

    const { id } = opened
    assert.deepEqual(
      [...new Set(lines.map(({ module }) => module))].sort(),
      ['rounds', 'socket'],
      'REST logs nothing here',
    )
    for (const line of lines) assert.equal(line['run'], id, JSON.stringify(line))
    const about = (msg: string) => lines.filter(line => line['msg'] === msg)
    for (const line of [...about('round'), ...about('progress')]) assert.ok([1, 2].includes(line['round'] as number))
    assert.deepEqual(
      about('round').map(({ round }) => round),
      [1, 2],
    )
    const [refused] = about('refused an update')
    const { process, round, attempt, client, code } = refused ?? {}
    assert.deepEqual([process, round, attempt, client, code], ['p', 1, 1, 0, 'example_count_invalid'])

    const response = await fetch(new URL('/metrics', url))
    const families = parsePrometheus(await response.text())
    const value = (name: string, labels = '') => families.get(name)?.series.get(name + labels)
    assert.equal(value('fedstrata_rounds_total'), 2)
    for (const [status, count] of [
      ['completed', 3],
      ['rejected', 1],
      ['dropped', 0],
    ])
      assert.equal(value('fedstrata_updates_total', `{status="${status}"}`), count)
    for (const [kind, reason] of [
      ['message', 'example_count_invalid'],
      ['join', 'token_invalid'],
      ['request', 'run_not_found'],
    ])
      assert.equal(value('fedstrata_refusals_total', `{kind="${kind}",reason="${reason}"}`), 1, reason)
    assert.equal(value('fedstrata_run_ends_total', '{status="completed"}'), 1)
    for (const name of ['compute_queue_calls', 'store_queue_writes', 'engine_tensors', 'engine_memory_bytes'])
      assert.ok((value(`fedstrata_${name}`) ?? -1) >= 0, name)
    assert.ok((value('nodejs_eventloop_lag_p99_seconds') ?? -1) >= 0)
    for (const [name, { type, help }] of families) {
      if (!name.startsWith('fedstrata_')) continue
      assert.equal(type === 'counter', name.endsWith('_total'), `a counter and nothing else ends in _total: ${name}`)
      assert.doesNotMatch(name, /_(ms|milliseconds|kb|mb|percent)(_|$)/, 'base units')
      assert.ok(help.length > 10, name)
    }
  },
)
