import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { chooseView } from '../../src/cli/progress/choose-view.ts'
import { sideBySideText } from '../../src/cli/side-by-side.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { RoundRecord } from '../../src/core/records.ts'
import type { RunNotice } from '../../src/rounds/ports.ts'

const RUN = {
  id: 'run-1',
  name: 'tiny',
  rounds: 2,
  engine: 'wasm',
  workers: 3,
  database: 'SQLite /somewhere/fedstrata.db',
  url: 'http://127.0.0.1:4711',
  barriers: {
    full: [
      { compared: 'clients', split: 'test' },
      { compared: 'init', split: 'test' },
    ],
    layers: { compared: 'clients', split: 'test' },
  },
} as const

/** A terminal that keeps what is written to its stderr. */
function terminal(isTTY: boolean, variables: NodeJS.ProcessEnv = {}) {
  let text = ''
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40, fd: 2 })
  stream.on('data', chunk => {
    text += chunk
  })
  const fake = { stdout: stream, stderr: stream, variables } as unknown as Terminal
  return { fake, text: () => text }
}

function round(number: number, accuracy: number, completed: number, epsilon?: number): RunNotice {
  const clients = { selected: 4, completed, dropped: 4 - completed, rejected: 0 }
  const record = { round: number, loss: 0.5, accuracy, clients, durationMs: 250 } as RoundRecord
  const between = ['client/0', 'client/1']
  const shared = {
    round: number,
    split: 'test',
    order: null,
    base: null,
    between,
    layers: ['fc1', 'fc2'],
    errorBarrier: 0.125,
  }
  const layer = { ...shared, path: 'layer', layer: 'fc2', layers: ['fc2'] }
  const barriers = [
    { ...shared, path: 'full', layer: null },
    { ...shared, path: 'full', layer: null, between: ['client/1', 'init'], errorBarrier: -0.5 },
    { ...layer, base: 1, errorBarrier: 0.375 },
    { ...layer, base: 2, errorBarrier: 0.125 },
    { ...layer, layer: 'fc1', layers: ['fc1'], between: ['client/1', 'init'], base: 1, errorBarrier: 0.75 },
  ]
  return { type: 'round', run: RUN.id, record, barriers, epsilon, models: number } as unknown as RunNotice
}

const progress = (completed: number, phase: string): RunNotice => ({
  type: 'progress',
  run: RUN.id,
  round: 1,
  completed,
  selected: 4,
  phase,
})

describe('a run on a terminal', () => {
  test('is a table that stays, under it one line that moves, and leaves no timer', async t => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { fake, text } = terminal(true)
    const view = chooseView(fake, { logs: false })
    view.begin(RUN)
    t.mock.timers.tick(100)
    view.notice(progress(1, 'train'))
    t.mock.timers.tick(100)
    view.notice(progress(4, 'aggregate'))
    t.mock.timers.tick(100)
    view.notice(round(1, 0.75, 4))
    view.notice(round(2, 0.75, 4, 1.5))
    view.end()
    const plain = stripVTControlCharacters(text())
    for (const words of [/tiny: 2 rounds, 3 client processes, engine wasm/, /SQLite \/somewhere/, /v1\/runs\/run-1/])
      assert.match(plain, words)
    assert.match(plain, /round +loss +accuracy +clients +full barrier +to init +worst layer +time/)
    assert.match(plain, /waiting for client processes/)
    assert.match(plain, /round 1\/2 .* 1\/4 clients {2}clients train/)
    assert.match(plain, /4\/4 clients {2}averaging/)
    assert.match(plain, / 1 +0\.5000 +0\.7500 +4 ok +\+0\.1250 +−0\.5000 +fc2 \+0\.2500 +250 ms/)
    assert.match(plain, / 2 .*250 ms +mean of 2 models +epsilon\s+1\.5000/, 'a run with privacy, and own layers')
    const written = text().length
    t.mock.timers.tick(1000)
    assert.equal(text().length, written, 'still drawing after its end')
  })

  test('has colours, but not against NO_COLOR', () => {
    const colour = (variables: NodeJS.ProcessEnv) => {
      const { fake, text } = terminal(true, variables)
      const view = chooseView(fake, { logs: false })
      view.begin(RUN)
      view.end()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about
      return /\u001b\[\d+m/.test(text())
    }
    assert.equal(colour({}), true)
    assert.equal(colour({ NO_COLOR: '1' }), false)
  })
})

describe('a run in a pipe', () => {
  test('is one line a round, without escapes', () => {
    const { fake, text } = terminal(false)
    const view = chooseView(fake, { logs: false })
    view.begin(RUN)
    view.notice(progress(1, 'train'))
    view.notice(round(1, 0.75, 3))
    view.notice(round(2, 0.8, 4, 1.5))
    view.end()
    assert.equal(stripVTControlCharacters(text()), text())
    const lines = text().trimEnd().split('\n')
    assert.equal(lines.length, 5)
    assert.equal(
      lines[3],
      'round 1/2  loss 0.5000  accuracy 0.7500  clients 3 ok, 1 dropped  full barrier +0.1250  full barrier to init −0.5000  worst layer fc2 +0.2500  250 ms',
    )
    assert.match(lines[4]!, /accuracy 0\.8000 \(mean of 2 models\)/)
    assert.match(lines[4]!, /fc2 \+0\.2500 {2}epsilon 1\.5000 {2}250 ms$/)
  })

  test('a terminal that a log also writes to gets lines too', () => {
    const { fake, text } = terminal(true)
    chooseView(fake, { logs: true }).notice(round(1, 0.75, 4))
    assert.match(text(), /^round 1/)
  })
})

test('a comparison shows the runs round by round, how to read it, and where to look further', () => {
  const measured = { loss: 0.5, accuracy: 0.75, clientAccuracy: 0.875, fullBarrier: 0.125 }
  const runs = [
    {
      runId: 'a',
      name: 'all layers',
      rounds: [1, 2].map(n => ({ round: n, ...measured, layerBarriers: { fc1: -0.5 } })),
    },
    { runId: 'b', name: 'fc2 local', rounds: [{ round: 1, ...measured, accuracy: null, layerBarriers: { fc2: 0.5 } }] },
  ]
  const whereabouts = { url: 'http://127.0.0.1:4711', database: 'SQLite /somewhere', command: 'fedstrata serve' }
  const lines = sideBySideText(runs, whereabouts).split('\n')
  assert.deepEqual(
    lines.slice(0, 4).map(line => line.trim().split(/ {2,}/)),
    [
      ['round', 'run', 'accuracy', 'loss', 'client accuracy', 'full barrier', 'fc1', 'fc2'],
      ['1', 'all layers', '0.7500', '0.5000', '0.8750', '+0.1250', '−0.5000', '–'],
      ['fc2 local', '–', '0.5000', '0.8750', '+0.1250', '–', '+0.5000'],
      ['2', 'all layers', '0.7500', '0.5000', '0.8750', '+0.1250', '−0.5000', '–'],
    ],
  )
  const rest = lines.join('\n')
  assert.match(rest, /SQLite \/somewhere/)
  assert.match(rest, /REST +fedstrata serve\n/)
  assert.match(rest, /http:\/\/127\.0\.0\.1:4711\/api\/v1\/runs\/b\/barriers/)
})
