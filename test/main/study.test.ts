import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Coordinator, startCoordinator } from '../../src/main/coordinator.ts'
import { runStudy, type StudyProgress } from '../../src/main/study.ts'
import { planStudy, studySchema } from '../../src/rounds/study.ts'
import { TINY, temporaryFolder } from '../cli/cli.ts'

/** The same coordinator, whose runs tell `heard` of each round before anybody else. */
function overheard(coordinator: Coordinator, heard: () => void): Coordinator {
  const { runs } = coordinator
  const subscribe: typeof runs.subscribe = (id, listener) =>
    runs.subscribe(id, notice => {
      if (notice.type === 'round') heard()
      listener(notice)
    })
  return { ...coordinator, runs: { ...runs, subscribe } }
}

test('a study that is interrupted in a run goes on where it was when the command is given again', async t => {
  let opened: Coordinator | undefined
  t.after(() => opened?.close())
  const { path } = await temporaryFolder(t)
  const coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir: path, engine: 'wasm' })
  opened = coordinator
  const study = studySchema.parse({
    ...{ name: 'cut', run: 'tiny.json', conditions: { even: {} }, seeds: [1] },
    variants: { all: { strategy: {} }, head: {} },
  })
  const plan = planStudy(study, { ...TINY, rounds: 5, evaluate: { clients: false }, barriers: { every: 0 } })
  const progress: StudyProgress[] = []
  const options = { workers: 1, engine: 'wasm', onRun: (each: StudyProgress) => void progress.push(each) }

  const abort = new AbortController()
  const cut = await runStudy(
    overheard(coordinator, () => abort.abort()),
    plan,
    { ...options, signal: abort.signal },
  )
  assert.deepEqual([cut.outcome, cut.runs, progress.length], ['stopped', [], 1])
  const interrupted = progress[0]!.end.run!
  const { status, finalRound } = await coordinator.store.run(interrupted)
  assert.equal(status, 'stopped')
  assert.ok(finalRound >= 1 && finalRound < 5, `stopped after round ${finalRound}`)

  // The command is given again; one of its runs says it all.
  const whole = await runStudy(coordinator, plan.slice(0, 1), { ...options, signal: new AbortController().signal })
  assert.deepEqual([whole.outcome, whole.error], ['completed', null])
  assert.deepEqual(
    whole.runs.map(({ variant, run }) => [variant, run === interrupted]),
    [['all', true]],
  )
  assert.equal((await coordinator.store.runs({ limit: 10 })).items.length, 1, 'nothing was run beside it')
  assert.deepEqual(
    progress.map(({ known }) => known),
    [false, false],
  )
  const { items } = await coordinator.store.rounds(interrupted, { limit: 10 })
  assert.deepEqual(
    items.map(({ round }) => round),
    [1, 2, 3, 4, 5],
  )
})
