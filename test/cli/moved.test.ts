import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as layers from '@tensorflow/tfjs-layers'
import { saveModel } from '../helpers/saved-model.ts'
import { fedstrata, folderWithRun, start, TINY, temporaryFolder } from './cli.ts'

/** A folder with a run of a model of its own in it. */
async function folderWithModel(t: TestContext) {
  await tf.setBackend('cpu')
  const folder = await folderWithRun(t)
  const { dimension, classes } = TINY.data
  const model = layers.sequential({
    layers: [
      layers.layers.dense({ name: 'fc1', units: 5, activation: 'relu', inputShape: [dimension] }),
      layers.layers.dense({ name: 'fc2', units: classes, activation: 'softmax' }),
    ],
  })
  const path = await saveModel(model, folder.path)
  const { strategy: _, ...rest } = TINY
  await folder.write('run.json', JSON.stringify({ ...rest, rounds: 12, model: { name: 'layersModel', path } }))
  return { folder, path }
}

const SIMULATE = ['simulate', 'run.json', '--engine', 'cpu', '--workers', '1']

describe('files of a run that were moved', { concurrency: 2 }, () => {
  test('are named anew when it is resumed, and the run goes on to the same bits', async t => {
    const { folder, path } = await folderWithModel(t)
    const undisturbed = JSON.parse((await fedstrata(t, folder, [...SIMULATE, '--json'])).stdout)
    const running = start(t, folder, [...SIMULATE, '--json'])
    await running.said(/^round 2\/12/m)
    running.kill('SIGINT')
    const { code, stdout } = await running.finished
    assert.equal(code, 130)
    const { runId } = JSON.parse(stdout)
    mkdirSync(join(folder.path, 'elsewhere'))
    renameSync(path, join(folder.path, 'elsewhere', 'model'))

    const resume = (...more: string[]) =>
      fedstrata(t, folder, ['resume', runId, '--engine', 'cpu', '--workers', '1', ...more])
    const lost = await resume()
    assert.equal(lost.code, 2)
    assert.match(lost.stderr, /file_unreadable.*no such file.*hint:.*--set model\.path=/s)
    assert.doesNotMatch(lost.stderr, /ENOENT/)
    const refused = await resume('--set', 'rounds=99')
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /data\.dir or model\.path.*got: +--set rounds.*another run/s)

    const shown = await fedstrata(t, folder, ['runs', 'show', runId])
    assert.match(shown.stdout, /^model +\/.*round-\d+\.safetensors$/m)
    assert.match(shown.stdout, /^status +stopped,/m)
    const [aside, models] = [join(folder.path, 'aside'), join(folder.path, 'var', 'runs')]
    renameSync(models, aside)
    assert.match((await fedstrata(t, folder, ['runs', 'show', runId])).stdout, /^model +not at \/.*--data-dir/m)
    renameSync(aside, models)

    // The home folder is where a relative path would not lead.
    const env = { HOME: join(folder.path, 'elsewhere') }
    const found = await fedstrata(
      t,
      folder,
      ['resume', runId, '--engine', 'cpu', '--workers', '1', '--set', 'model.path=~/model', '--json'],
      env,
    )
    assert.equal(found.code, 0, found.stderr)
    assert.equal(JSON.parse(found.stdout).modelSha256, undisturbed.modelSha256)
  })
})

test('~ is the home of the user in run files, options and the environment', async t => {
  const folder = await temporaryFolder(t)
  const home = await temporaryFolder(t)
  const env = { HOME: home.path, USERPROFILE: home.path }
  const lists = await Promise.all([
    fedstrata(t, folder, ['runs', 'list', '--data-dir=~/runs'], env),
    fedstrata(t, folder, ['runs', 'list', '--database-url', 'file:~/runs/fedstrata.db'], env),
    fedstrata(t, folder, ['runs', 'list'], { ...env, FEDSTRATA_DATA_DIR: '~/runs' }),
  ])
  for (const { code, stderr } of lists) {
    assert.equal(code, 2)
    assert.ok(stderr.includes(`SQLite ${join(home.path, 'runs', 'fedstrata.db')}`), stderr)
  }
  const data = { name: 'mnist', dir: '~/mnist' }
  await folder.write('run.json', JSON.stringify({ ...TINY, data }))
  const { stderr } = await fedstrata(t, folder, ['simulate', 'run.json', '--engine', 'cpu'], env)
  assert.match(stderr, /data_missing/)
  assert.ok(stderr.includes(join(home.path, 'mnist')), stderr)
})

test('a run file of Windows PowerShell is read, and what is no text is named', async t => {
  const folder = await folderWithRun(t)
  const yaml = `name: größe\nseed: 1\nrounds: 1\nmodel: { name: linear }\ndata: { name: synthetic }\nclients: { total: 2 }\nprivacy: { noiseMultiplier: 1, clipNorm: 1, delta: 0.01 }\n`
  const { writeFile } = await import('node:fs/promises')
  const mark = (bytes: number[], text: Buffer) => Buffer.concat([Buffer.from(bytes), text])
  const files = {
    little: mark([0xff, 0xfe], Buffer.from(yaml, 'utf16le')),
    big: mark([0xfe, 0xff], Buffer.from(yaml, 'utf16le').swap16()),
    marked: mark([0xef, 0xbb, 0xbf], Buffer.from(yaml)),
  }
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(folder.path, `${name}.yaml`), bytes)
    const { code, stderr } = await fedstrata(t, folder, ['privacy', `${name}.yaml`, '--json'])
    assert.equal(code, 0, stderr)
  }
  await writeFile(join(folder.path, 'model.h5'), Buffer.from('\x89HDF\r\n\x1a\n\0\0\0', 'latin1'))
  const given = await fedstrata(t, folder, ['simulate', 'model.h5'])
  assert.equal(given.code, 2)
  assert.match(given.stderr, /file_unreadable.*a run file.*HDF5/s)
  const model = JSON.stringify({ name: 'layersModel', path: 'model.h5' })
  const named = await fedstrata(t, folder, ['simulate', 'tiny.json', '--engine', 'cpu', '--set', `model=${model}`])
  assert.equal(named.code, 2)
  assert.match(named.stderr, /model_invalid.*model\.json.*HDF5 file.*tensorflowjs_converter --input_format=keras /s)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
  assert.doesNotMatch(named.stderr, /[\x00-\x08\x0e-\x1f\x7f-\x9f]/)
})

test('a run goes on, and is probed, with the model files that it began with only', async t => {
  const { folder, path } = await folderWithModel(t)
  const kept = ['--set', 'barriers.keepModels=all', '--set', 'rounds=200']
  const running = start(t, folder, [...SIMULATE, '--json', ...kept])
  await running.said(/^round 2\/200/m)
  running.kill('SIGINT')
  const { runId, status, finalRound } = JSON.parse((await running.finished).stdout)
  assert.equal(status, 'stopped')
  const resume = ['resume', runId, '--engine', 'cpu', '--workers', '1', '--json']
  const probe = ['probe', runId, '--rounds', '1', '--between', 'global', '--paths', 'full', '--engine', 'cpu']

  const file = join(path, 'model.json')
  const before = readFileSync(file, 'utf8')
  assert.match(before, /"relu"/)
  writeFileSync(file, before.replace('"relu"', '"tanh"'))
  for (const words of [probe, resume]) {
    const { code, stderr } = await fedstrata(t, folder, words)
    assert.equal(code, 2, stderr)
    assert.match(stderr, /model_mismatch.*expected: +model files with SHA-256 [0-9a-f]{64}/s)
  }
  const { stdout } = await fedstrata(t, folder, ['runs', 'show', runId, '--json'])
  const after = JSON.parse(stdout)
  assert.deepEqual([after.status, after.finalRound], ['stopped', finalRound])

  writeFileSync(file, before)
  assert.equal((await fedstrata(t, folder, probe)).code, 0)
  const again = start(t, folder, resume)
  await again.said(new RegExp(`^round ${finalRound + 2}/200`, 'm'))
  again.kill('SIGINT')
  assert.ok(JSON.parse((await again.finished).stdout).finalRound > finalRound)
})
