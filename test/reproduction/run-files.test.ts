import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { loadRunFile } from '../../src/cli/run-file-source.ts'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng } from '../../src/core/rng.ts'
import { splitData } from '../../src/data/partition/split.ts'
import { projectRoot } from '../../src/main/version.ts'
import { CHECKS } from '../../src/reproduction/checks/index.ts'
import { settingsTable } from '../../src/reproduction/settings-page.ts'
import { sizesOf } from '../../src/reproduction/sizes.ts'
import { createBench } from '../../src/reproduction/tasks/bench.ts'
import { examplesIn } from '../../src/reproduction/tasks/train.ts'
import { localPlanSchema } from '../../src/training/plan.ts'
import { fedstrata, temporaryFolder } from '../cli/cli.ts'
import { assignments, FILES, WITHOUT } from '../docs/reproduction-files.ts'

const FOLDER = fileURLToPath(new URL('examples/reproduction/', projectRoot))
const DATA = { mnist: resolve(FOLDER, '../../data/mnist'), cifar10: resolve(FOLDER, '../../data/cifar10') }
const sizes = sizesOf(false, DATA)
const settingsOf = (id: string) => CHECKS.find(check => check.id === id)!.settings(sizes)

/** The `--set`s that a run file's comment gives for the others of the check, in order. */
function setsIn(file: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n')
  const others = lines.filter(line => /^# {3}.*--set '/.test(line))
  return [[], ...others.map(line => [...line.matchAll(/--set '([^']*)'/g)].map(match => match[1]!))]
}

describe('run files of the reproduction', () => {
  test('are there for every check but those that say why they have none', () => {
    const named = new Set(FILES.map(({ id }) => id))
    for (const { id } of CHECKS) assert.notEqual(named.has(id), id in WITHOUT, id)
    assert.deepEqual(
      readdirSync(FOLDER).sort(),
      [...FILES.map(({ file }) => file), 'README.md'].sort(),
      'what is there',
    )
  })

  let pairs = 0
  for (const { file, id } of FILES)
    test(`${file}: each of its runs has the settings of the check, field by field`, async () => {
      const { pairs: pairsOf = [], federations = [] } = settingsOf(id)
      const runs = await Promise.all(setsIn(file).map(sets => loadRunFile(join(FOLDER, file), sets)))
      assert.equal(runs.length, pairsOf.length + federations.length)
      for (const [i, { trainings, part }] of pairsOf.entries()) {
        const { runFile } = runs[i]!
        pairs++
        for (const [client, { model, data, plan, init, part: own }] of trainings.entries()) {
          assert.deepEqual(runFile.model, model)
          assert.deepEqual(runFile.local, localPlanSchema.parse(plan))
          const { first, portion } = own
          assert.deepEqual(runFile.data, first === undefined ? data : { ...data, train: first })
          assert.equal(own.split, 'train')
          if (portion) assert.deepEqual(portion, { index: client, of: runFile.clients.total, seed: runFile.seed })
          assert.equal(runFile.partition.name, portion ? 'iid' : 'replicated')
          if (runFile.clients.init === 'shared') assert.equal(init, runFile.seed)
        }
        assert.equal(runFile.clients.init === 'shared', trainings[0].init === trainings[1].init)
        assert.deepEqual([runFile.rounds, runFile.clients.total, runFile.clients.perRound], [1, 2, 2])
        assert.deepEqual(runFile.barriers.splits, [part.split])
        // Of all 10,000 test digits, or as many training examples as the check takes.
        if (!runFile.barriers.keepModels || runFile.barriers.keepModels === 'none')
          assert.equal(runFile.barriers.examples, part.first ?? 10_000)
        assert.ok('normalize' in runFile.data && runFile.data.normalize)
      }
      for (const [i, { task }] of federations.entries()) {
        const { runFile } = runs[i]!
        const { model, data, partition, clients, rounds, plan, layers, seed } = task
        const { strategy, local, ...own } = runFile
        assert.deepEqual(
          [own.model, own.data, own.partition, own.clients.total, own.clients.perRound, own.rounds, own.seed],
          [model, data, partition, clients, clients, rounds, seed],
        )
        assert.deepEqual(local, localPlanSchema.parse(plan))
        assert.deepEqual(
          strategy.layers,
          layers.map(rule => ({ average: 'weighted', ...rule })),
        )
      }
    })

  test('were compared with pairs, of which some need --set', () => {
    assert.ok(pairs >= 15, `${pairs}`)
    assert.ok(FILES.some(({ file }) => setsIn(file).flat().length > 10))
  })

  test('begin from the initial weights and the halves of the data of the pair that they stand for, bit for bit', async () => {
    await prepareEngine('cpu')
    const data = { name: 'synthetic', classes: 3, dimension: 6, train: 90, test: 9, spread: 2, seed: 0 } as const
    const model = { name: 'mlp', hidden: [4], init: 'heNormal' } as const
    const { dataset, network } = await createBench().prepare({ ...model, hidden: [...model.hidden] }, data)
    const seed = 7
    const run = createRng(seed) // as src/rounds/session.ts and clients/model-trainer.ts name its streams
    const split = splitData(dataset, { name: 'iid' }, 2, run.fork('partition'))
    for (const index of [0, 1])
      assert.deepEqual(
        examplesIn(dataset, { split: 'train', portion: { index, of: 2, seed } }).indices,
        split.train[index],
      )
    assert.deepEqual(network.init(createRng(seed, 'init')), network.init(run.fork('init')))
  })

  test('the pair of check 5 runs end to end at reduced size: a full barrier, and two for each layer', async t => {
    const sets = ['data={ name: mnist-10k, normalize: true, train: 1000, test: 300 }', 'local.epochs=2']
    const words = ['simulate', join(FOLDER, 'mlp-layers.yaml'), '--json', ...sets.flatMap(set => ['--set', set])]
    const { code, stdout, stderr } = await fedstrata(t, await temporaryFolder(t), words)
    assert.equal(code, 0, stderr)
    const { rounds } = runReportSchema.parse(JSON.parse(stdout))
    const paths = rounds[0]!.barriers.map(({ path, layer }) => layer ?? path)
    assert.deepEqual(paths.filter(path => path === 'full').length, 1)
    for (const layer of ['fc1', 'fc2', 'fc3', 'fc4', 'fc5', 'fc6', 'fc7'])
      assert.equal(paths.filter(path => path === layer).length, 2, layer)
  })
})

describe('settings', () => {
  let page: string
  before(() => {
    page = CHECKS.map(check => settingsTable(check, sizes)).join('\n')
  })

  test('of every check say something, and those that train say all of it', () => {
    for (const check of CHECKS) {
      const table = settingsTable(check, sizes)
      assert.match(table, /\| measured \|/, check.id)
      if (!check.settings(sizes).pairs) continue
      for (const key of ['`data`', 'examples', '`model`', 'initial weights', '`local`', 'order', 'measured on'])
        assert.ok(table.includes(`| ${key}`), `${check.id}: ${key}`)
      for (const word of ['normalize: true', 'epochs: ', 'batchSize: ', 'momentum: ', 'weightDecay: ', 'schedule: '])
        assert.ok(table.includes(word), `${check.id}: ${word}`)
    }
    assert.ok(!page.includes('undefined') && !page.includes('[object'), 'readable')
  })

  test('of several runs are told by what distinguishes them', () => {
    const first = { seed: 1, partition: { name: 'iid' }, local: { optimizer: { name: 'sgd', learningRate: 0.1 } } }
    const other = {
      seed: 1,
      partition: { name: 'classes', classesPerClient: 2 },
      local: { optimizer: { name: 'sgd', learningRate: 0.2 }, mask: { fraction: 0.4 } },
    }
    assert.deepEqual(assignments(first, other), [
      'partition={ name: classes, classesPerClient: 2 }',
      'local.optimizer.learningRate=0.2',
      'local.mask={ fraction: 0.4 }',
    ])
    assert.deepEqual(assignments(first, first), [])
  })
})
