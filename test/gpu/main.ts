import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { measureSpeed } from '../../src/compute/speed.ts'
import type { GuardedBackend } from '../../src/compute/webgpu/guarded-backend.ts'
import { denseStep } from '../../src/training/training-work.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { averaging, copyBandwidth } from './averaging.ts'
import { trainingRun } from './training.ts'

/** `test/gpu/run.sh`: the engine contract, averaging and one training run on the graphics card, as tables. */
const dry = process.argv.includes('--dry')
const CLIENTS = dry ? [2, 3] : [8, 32, 128]
const PARAMETERS = dry ? [1000, 4001] : [1e6, 1e7, 2.5e7]
const BUDGET_MS = dry ? 5 : 300
const COPY_BYTES = dry ? 2 ** 16 : 2 ** 30
const TESTS = dry
  ? ['compute/column-program']
  : ['compute/engine-contract', 'compute/weighted-sum', 'compute/layered-sum', 'compute/column-program'].concat(
      ['strategies/contract', 'training/engines', 'rounds/lost-device'], // of these, what runs on webgpu and beside it
    )

if (dry) {
  const missing = withoutSoftwareAdapter()
  if (missing) stop(missing)
} else process.env['FEDSTRATA_TEST_ADAPTER'] = 'system'

const engine = await prepareEngine('webgpu').catch((error: Error) => stop(error.message))
const { kind, description } = engine.device
if (kind !== 'gpu' && !dry) stop(`${description} is no graphics card; --dry tests this script on it`)
const { room } = tf.backend() as unknown as GuardedBackend

console.log(`card     ${description}`)
console.log(`limits   tensors of ${(room.bytes / 2 ** 30).toFixed(2)} GiB (${room.limit})`)
console.log(`software Node ${process.version}, ${process.platform} ${process.arch}, webgpu engine ${engine.version}`)
if (dry) console.log('dry run: none of the figures means anything')

const { failed, line } = contract()
console.log(`contract ${line}`)
const { gemmGflops, stepMs } = await measureSpeed(denseStep)
console.log(`speed    matrix product ${gemmGflops.toFixed(0)} GFLOP/s, MLP step ${stepMs.toFixed(2)} ms`)

const copy = await copyBandwidth(COPY_BYTES, BUDGET_MS)
console.log(`\nWeighted sum over clients, stack on the device; a copy inside it moves ${gigabytes(copy)} GB/s\n`)
console.log('| clients | parameters | ms | GB/s | of a copy |\n|---|---|---|---|---|')
let wrong = false
for (const clients of CLIENTS)
  for (const parameters of PARAMETERS) {
    const result = await averaging(clients, parameters, BUDGET_MS)
    wrong ||= typeof result === 'string' && result.startsWith('wrong')
    const cells =
      typeof result === 'string'
        ? [result, '', '']
        : [result.ms.toFixed(3), gigabytes(result.bandwidth), `${Math.round((100 * result.bandwidth) / copy)} %`]
    console.log(`| ${[clients, parameters.toExponential(1), ...cells].join(' | ')} |`)
  }

console.log(`\nA run with its client processes: ${dry ? 'a tiny one' : 'examples/mnist.yaml, 2 client processes'}\n`)
console.log('| engine | accuracy | loss | ms a round |\n|---|---|---|---|')
for (const name of ['webgpu', 'wasm']) {
  const run = trainingRun(name, dry)
  wrong ||= typeof run === 'string'
  const cells = typeof run === 'string' ? [run, '', ''] : [run.accuracy, run.loss.toFixed(4), run.msPerRound.toFixed(0)]
  console.log(`| ${[name, ...cells].join(' | ')} |`)
}
process.exit(failed || wrong ? 1 : 0)

function contract(): { readonly failed: boolean; readonly line: string } {
  const files = TESTS.map(name => fileURLToPath(new URL(`../${name}.test.js`, import.meta.url)))
  const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', ...files], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  })
  const count = (what: string) => stdout.match(new RegExp(`^# ${what} (\\d+)$`, 'm'))?.[1] ?? '?'
  const failures = [...stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map(match => `\n         failed: ${match[1]}`)
  return {
    failed: status !== 0,
    line: `${count('pass')} passed, ${count('fail')} failed, ${count('skipped')} skipped${failures.join('')}`,
  }
}

function gigabytes(perSecond: number): string {
  return (perSecond / 1e9).toPrecision(3)
}

function stop(message: string): never {
  console.error(message)
  process.exit(2)
}
