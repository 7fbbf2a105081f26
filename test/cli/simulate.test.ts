import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { describe, test } from 'node:test'
import { type RunReport, runReportSchema } from '../../src/cli/report-schema.ts'
import { parseXml } from '../figures/xml.ts'
import { type Finished, fedstrata, folderWithRun, start } from './cli.ts'

function reportOf({ code, stdout, stderr }: Finished, expectedCode = 0): RunReport {
  assert.equal(code, expectedCode, stderr)
  return runReportSchema.parse(JSON.parse(stdout))
}

const SIMULATE = ['simulate', 'tiny.json', '--json']

describe('simulate', () => {
  test('momentum that clients keep over the rounds changes the model, whatever the number of processes', async t => {
    const folder = await folderWithRun(t)
    const words = [...SIMULATE, '--set', 'local.optimizer={name: sgd, learningRate: 0.05, momentum: 0.9}']
    const kept = [...words, '--set', 'local.memory=keep', '--set', 'local.schedule={name: cosine, warmup: 5}']
    const digests = []
    for (const [asked, workers] of [
      [kept, '1'],
      [kept, '2'],
      [[...kept, '--set', 'local.memory=reset'], '1'],
    ] as const)
      digests.push(reportOf(await fedstrata(t, folder, [...asked, '--workers', workers])).modelSha256)
    assert.equal(digests[0], digests[1])
    assert.notEqual(digests[0], digests[2])
  })

  test('runs a run file to its end; the document says what the database says, whatever the number of processes', async t => {
    const folder = await folderWithRun(t)
    const first = await fedstrata(t, folder, [...SIMULATE, '--workers', '1'])
    const report = reportOf(first)
    const { runId, modelFile } = report
    assert.deepEqual([report.status, report.finalRound, report.name], ['completed', 4, 'tiny'])
    assert.deepEqual(
      report.rounds.map(({ round }) => round),
      [1, 2, 3, 4],
    )
    for (const { clients, accuracy, barriers } of report.rounds) {
      assert.deepEqual(clients, { selected: 4, completed: 4, dropped: 0, rejected: 0 })
      assert.ok(accuracy !== null && accuracy >= 0 && accuracy <= 1)
      assert.deepEqual(
        barriers.map(({ path, layer, base }) => [path, layer, base]),
        [
          ['full', null, null],
          ['layer', 'fc1', 1],
          ['layer', 'fc1', 2],
          ['layer', 'fc2', 1],
          ['layer', 'fc2', 2],
        ],
      )
    }
    assert.ok(modelFile && isAbsolute(modelFile))
    assert.equal(createHash('sha256').update(readFileSync(modelFile)).digest('hex'), report.modelSha256)

    const three = reportOf(await fedstrata(t, folder, [...SIMULATE, '--workers', '3']))
    assert.equal(three.modelSha256, report.modelSha256)

    // On stderr a line a round, and then what to do next.
    assert.deepEqual(
      [...first.stderr.matchAll(/^round (\d\/4) {2}loss/gm)].map(match => match[1]),
      [...['1/4', '2/4', '3/4', '4/4']],
    )
    assert.match(first.stderr, new RegExp(`fedstrata runs show ${runId}`))

    const shown = await fedstrata(t, folder, ['runs', 'show', runId, '--json'])
    assert.deepEqual(reportOf(shown), report)
    const readable = await fedstrata(t, folder, ['runs', 'show', runId])
    assert.match(readable.stdout, /round +loss +accuracy +models +clients +full barrier +fc1 +fc2 +time/)

    const list = await fedstrata(t, folder, ['runs', 'list', '--json'])
    assert.deepEqual(
      (JSON.parse(list.stdout) as { runs: { id: string }[] }).runs.map(({ id }) => id),
      [three.runId, runId],
    )

    const metrics = await fedstrata(t, folder, ['runs', 'export', runId])
    assert.match(metrics.stdout, /^round,key,value,client,layer,split\r\n/)
    assert.match(metrics.stdout, /^4,eval\/accuracy,[\d.e-]+,,,test\r$/m)
    const ndjson = await fedstrata(t, folder, ['runs', 'export', runId, 'barriers', '--format', 'ndjson'])
    assert.equal(
      ndjson.stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)).length,
      4 * 5,
    )
    const matrix = ['runs', 'export', runId, 'matrix', '--base', '1']
    const lines = (await fedstrata(t, folder, matrix)).stdout.split('\r\n').map(line => line.split(','))
    const firstBases = (layer: string | null) =>
      report.rounds.map(({ barriers }) => barriers.find(row => row.layer === layer && row.base !== 2)!.errorBarrier)
    const rows = [null, 'fc1', 'fc2'].map(layer => [layer ?? 'full', ...firstBases(layer).map(String)])
    assert.deepEqual(lines, [['layer', '1', '2', '3', '4'], ...rows, ['']])
    const { values } = JSON.parse((await fedstrata(t, folder, [...matrix, '--json'])).stdout)
    assert.deepEqual(values, [null, 'fc1', 'fc2'].map(firstBases))
    const stray = await fedstrata(t, folder, ['runs', 'export', runId, 'barriers', '--base', '1'])
    assert.equal(stray.code, 2)
    assert.match(stray.stderr, /expected: --base with the table matrix\n +got: +barriers/)

    const drawn = await fedstrata(t, folder, ['figure', 'barriers', runId])
    assert.ok(parseXml(drawn.stdout).some(({ text }) => text === 'Base 2: into the second model'))
    await fedstrata(t, folder, ['figure', 'barriers', runId, '--out', 'barriers.svg'])
    assert.equal(readFileSync(join(folder.path, 'barriers.svg'), 'utf8'), drawn.stdout)
    const nowhere = await fedstrata(t, folder, ['figure', 'barriers', runId, '--out', 'no/where.svg'])
    assert.deepEqual([nowhere.code, nowhere.stdout], [2, ''])
    assert.match(nowhere.stderr, /input_invalid.*no such file/s)

    const curves = await fedstrata(t, folder, ['figure', 'interpolation', runId, '--round', '2', '--layers', 'fc2'])
    assert.ok(parseXml(curves.stdout).some(({ text }) => text === 'Error along the paths, round 2'))
    const courses = await fedstrata(t, folder, ['figure', 'accuracy', runId, runId, '--value', 'loss'])
    assert.ok(parseXml(courses.stdout).some(({ text }) => text === 'Loss by round'))
    const missing = await fedstrata(t, folder, ['figure', 'cumulative', runId])
    assert.deepEqual([missing.code, missing.stdout], [2, ''])
    assert.match(missing.stderr, /barriers_missing/)
    const wrong = await fedstrata(t, folder, ['figure', 'interpolation', runId, '--round', 'two'])
    assert.match(wrong.stderr, /input_invalid.*round: /s)

    const rounds = await fedstrata(t, folder, ['runs', 'export', runId, 'rounds', '--json'])
    const accuracies = (JSON.parse(rounds.stdout) as { accuracy: number }[]).map(({ accuracy }) => accuracy)
    assert.deepEqual(
      accuracies,
      report.rounds.map(({ accuracy }) => accuracy),
    )

    const completed = await fedstrata(t, folder, ['resume', runId])
    assert.equal(completed.code, 2)
    assert.match(completed.stderr, /run_not_resumable/)
    const unknown = await fedstrata(t, folder, ['runs', 'show', 'nope'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /run_not_found/)
  })

  test('interrupted, it ends cleanly and can be resumed; so can a run that was killed; the bits are the same', async t => {
    const folder = await folderWithRun(t, { rounds: 20 })
    const undisturbed = reportOf(await fedstrata(t, folder, [...SIMULATE, '--workers', '2']))

    const running = start(t, folder, [...SIMULATE, '--workers', '2'])
    await running.said(/^round 2\/20/m)
    running.kill('SIGINT')
    const interrupted = await running.finished
    const stopped = reportOf(interrupted, 130)
    assert.equal(stopped.status, 'stopped')
    assert.ok(stopped.finalRound >= 2 && stopped.finalRound < 18, `stopped after round ${stopped.finalRound}`)
    assert.equal(stopped.rounds.length, stopped.finalRound)
    const [, resume] = interrupted.stderr.match(/^go on with {2}fedstrata (.*)$/m) ?? []
    assert.equal(resume, `resume ${stopped.runId}`)

    const again = start(t, folder, ['resume', stopped.runId, '--workers', '1'])
    await again.said(new RegExp(`^round ${stopped.finalRound + 2}/20`, 'm'))
    again.kill('SIGKILL')
    await again.finished
    const resumed = reportOf(await fedstrata(t, folder, ['resume', stopped.runId, '--json', '--workers', '1']))
    assert.deepEqual([resumed.status, resumed.finalRound], ['completed', 20])
    assert.equal(resumed.modelSha256, undisturbed.modelSha256)
  })

  test('a run goes on where it was computed: auto takes that engine, another is refused, unless asked for, and then said', async t => {
    const folder = await folderWithRun(t, { rounds: 30 })
    const stopAfter = async (words: readonly string[], round: number) => {
      const running = start(t, folder, [...words, '--json', '--workers', '1'])
      await running.said(new RegExp(`^round ${round}/30`, 'm'))
      running.kill('SIGINT')
      return reportOf(await running.finished, 130)
    }
    const { runId, finalRound } = await stopAfter(['simulate', 'tiny.json', '--engine', 'cpu'], 1)
    const refused = await fedstrata(t, folder, ['resume', runId, '--engine', 'wasm', '--json'])
    assert.equal(refused.code, 2, refused.stderr)
    assert.match(
      refused.stderr,
      /engine_mismatch[\s\S]*cpu, which computed[\s\S]*got: +wasm[\s\S]*--allow-engine-change/,
    )
    const more = await stopAfter(['resume', runId], finalRound + 1) // wasm would be auto's choice
    const words = ['resume', runId, '--engine', 'wasm', '--allow-engine-change', '--json', '--workers', '1']
    const mixed = await fedstrata(t, folder, words)
    const report = reportOf(mixed)
    assert.deepEqual([report.status, report.engine], ['completed', 'cpu'])
    for (const { round, engine } of report.rounds) assert.equal(engine, round <= more.finalRound ? 'cpu' : 'wasm')
    const on = `cpu \\(rounds 1-${more.finalRound}\\), wasm \\(rounds ${more.finalRound + 1}-30\\)`
    assert.match(mixed.stderr, new RegExp(`^warning: computed on ${on}`, 'm'))
    assert.match((await fedstrata(t, folder, ['runs', 'show', runId])).stdout, new RegExp(`^engine +${on}$`, 'm'))
  })

  test('a second signal does not wait', async t => {
    const folder = await folderWithRun(t, { rounds: 100_000 })
    const running = start(t, folder, ['simulate', 'tiny.json', '--workers', '1'])
    await running.said(/^round 1\//m)
    running.kill('SIGTERM')
    await running.said(/once more ends at once/)
    running.kill('SIGTERM')
    assert.equal((await running.finished).code, 130)
  })

  test('drops no client of its own, however short the deadline: the model has the same bits', async t => {
    const folder = await folderWithRun(t)
    const hashes = []
    for (const more of [
      [],
      ['--set', 'round={ quorum: 1, deadlineSeconds: 0.001, retries: 0, onShortfall: proceed }'],
    ]) {
      const report = reportOf(await fedstrata(t, folder, [...SIMULATE, '--workers', '1', ...more]))
      for (const { clients } of report.rounds)
        assert.deepEqual(clients, { selected: 4, completed: 4, dropped: 0, rejected: 0 })
      hashes.push(report.modelSha256)
    }
    assert.equal(hashes[0], hashes[1])
  })

  test('a run that fails is a document too, with the reason, and exit code 1', async t => {
    const folder = await folderWithRun(t)
    const failing = [
      '--set',
      'round.retries=0',
      '--set',
      'local.optimizer={ name: sgd, learningRate: 1e6 }',
      '--set',
      'local.epochs=20',
    ]
    const finished = await fedstrata(t, folder, [...SIMULATE, '--workers', '1', ...failing])
    const report = reportOf(finished, 1)
    assert.deepEqual([report.status, report.modelFile], ['failed', null])
    assert.equal(report.error?.code, 'quorum_missed')
    assert.match(finished.stderr, /quorum_missed/)
  })

  test('--serve keeps the REST API up after the run, until Ctrl-C', async t => {
    const folder = await folderWithRun(t, { rounds: 1 })
    const running = start(t, folder, [...SIMULATE, '--workers', '1', '--serve'])
    const [, url] = await running.said(/^REST +(\S+)$/m)
    await running.said(/^serving at/m)
    const barriers = (await (await fetch(`${url}/barriers?path=layer`)).json()) as { items: unknown[] }
    assert.equal(barriers.items.length, 4)
    running.kill('SIGINT')
    assert.equal(reportOf(await running.finished).status, 'completed')
  })

  test('without workers it waits for clients that are started by hand, two processes say; a wrong token is refused', async t => {
    const folder = await folderWithRun(t, { rounds: 100_000 })
    const running = start(t, folder, [...SIMULATE, '--workers', '0'])
    const [, joinToken, url, run] = await running.said(
      /FEDSTRATA_JOIN_TOKEN=(\S+) fedstrata client --url (\S+) --run (\S+)/,
    )
    const client = ['client', '--url', url!, '--run', run!]
    const wrong = await fedstrata(t, folder, client, { FEDSTRATA_JOIN_TOKEN: 'not-the-token' })
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /token_invalid/)
    const two = [0, 1].map(() => start(t, folder, [...client, '--json'], { FEDSTRATA_JOIN_TOKEN: joinToken! }))
    for (const process of two) await process.said(/ready to train/)
    const [, round] = await running.said(/^round (\d+)\/(?![\s\S]*^round)/m)
    await running.said(new RegExp(`^round ${Number(round) + 3}/`, 'm'))
    running.kill('SIGINT')
    const { finalRound } = reportOf(await running.finished, 130)
    for (const { code, stdout } of await Promise.all(two.map(({ finished }) => finished))) {
      assert.equal(code, 130)
      assert.deepEqual(JSON.parse(stdout), { run, outcome: 'stopped' })
    }
    const updates = await fedstrata(t, folder, ['runs', 'export', run!, 'updates', '--json'])
    const rows = JSON.parse(updates.stdout) as { round: number; process: string }[]
    assert.equal(new Set(rows.map(({ process }) => process)).size, 2)
    assert.equal(rows.length, 4 * finalRound)
  })

  test('when every client process dies, it says so, and the run can go on', {
    skip: process.platform !== 'linux' && 'finds the client processes in /proc',
  }, async t => {
    const folder = await folderWithRun(t, { rounds: 100_000 })
    const running = start(t, folder, [...SIMULATE, '--workers', '1'])
    await running.said(/^round 1\//m)
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' ')
    assert.equal(children.length, 1)
    process.kill(Number(children[0]), 'SIGKILL')
    const finished = await running.finished
    const report = reportOf(finished, 1)
    assert.deepEqual([report.status, report.error?.code], ['stopped', 'client_failed'])
    assert.match(finished.stderr, /fedstrata resume/)
  })
})
