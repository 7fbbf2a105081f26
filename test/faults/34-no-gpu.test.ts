import assert from 'node:assert/strict'
import { fedstrata, folderWithRun } from '../cli/cli.ts'
import { fault } from './stage.ts'

/** A machine on which Vulkan finds no device at all. */
const NO_GPU = {
  VK_ICD_FILENAMES: '/nowhere/none.json',
  VK_DRIVER_FILES: '/nowhere/none.json',
  CUDA_VISIBLE_DEVICES: '',
}

fault('without a GPU an engine that needs one is refused by name, and auto says which other one computes', async t => {
  const folder = await folderWithRun(t, { rounds: 1 })
  const words = ['simulate', 'tiny.json', '--json', '--workers', '1', '--engine']
  const refused = await fedstrata(t, folder, [...words, 'webgpu'], NO_GPU)
  assert.equal(refused.code, 2, refused.stderr)
  assert.equal(JSON.parse(refused.stdout).error.code, 'engine_unavailable')
  const done = await fedstrata(t, folder, [...words, 'auto'], { ...NO_GPU, XDG_CACHE_HOME: folder.path })
  assert.equal(done.code, 0, done.stderr)
  const { engine, runId } = JSON.parse(done.stdout)
  assert.ok(['wasm', 'cpu', 'tensorflow'].includes(engine), engine)
  const shown = await fedstrata(t, folder, ['runs', 'show', runId, '--json'])
  assert.equal(JSON.parse(shown.stdout).engine, engine)
})
