import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { NAN_BITS, withNaN } from '../../src/compute/not-a-number.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { trainLocally } from '../../src/training/train.ts'
import { everyEngine } from '../helpers/engines.ts'
import { normals } from '../helpers/values.ts'
import { jobOf, planOf } from '../training/fixtures.ts'
import { calls, elementwise } from './op-table/index.ts'
import { type ElementwiseRow, isRight, takenFor } from './op-table/row.ts'
import { PAIRED, pairs, repeated, SPECIAL } from './op-table/values.ts'

const OPERANDS: Readonly<Record<1 | 2, readonly [Float32Array, Float32Array]>> = {
  1: [repeated(SPECIAL), repeated(SPECIAL)],
  2: pairs(PAIRED),
}

for (const { name, skip } of await everyEngine())
  describe(`ops of TF.js on ${name} against float64`, { skip }, () => {
    const device = name === 'webgpu' || name === 'tensorflow'
    before(() => prepareEngine(name))

    for (const row of elementwise)
      it(row.domain ? `${row.op} (not of all values: ${row.domain.why})` : row.op, async () => {
        const [x, y] = OPERANDS[row.operands]
        const got = await values(() => row.call(tf.tensor1d(x.slice()), tf.tensor1d(y.slice())))
        assert.equal(got.length, x.length)
        let held = 0
        for (const [i, value] of got.entries()) {
          if (row.domain && !Number.isNaN(x[i]!) && !row.domain.holds(x[i]!, y[i]!)) continue
          held++
          const rights = answers(row, x[i]!, y[i]!)
          assert.ok(
            rights.some(right => isRight(value, right, row.tolerance, device)),
            `${row.op}(${show(x[i]!)}${row.operands === 2 ? `, ${show(y[i]!)}` : ''}) at ${i} is ${show(rights[0]!)}, got ${show(value)}`,
          )
        }
        assert.ok(held > got.length / 2, `${held} of ${got.length}`)
      })

    for (const { op, what, call, expected, tolerance } of calls)
      it(`${op}: ${what}`, async () => {
        for (const bits of Object.values(NAN_BITS)) {
          const got = await values(() => writingNaN(bits, call))
          assert.equal(got.length, expected.length)
          for (const [i, value] of got.entries()) {
            const found = `${i}: expected ${expected[i]}, got ${value}, with NaN as ${bits.toString(16)}`
            assert.ok(isRight(value, expected[i]!, tolerance, device), found)
          }
        }
      })
  })

describe('the table of ops', () => {
  const rows = new Set([...elementwise, ...calls].map(({ op }) => op))
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
  const sources = readdirSync(join(root, 'src'), { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.ts'))
    .map(name => [name, withoutComments(readFileSync(join(root, 'src', name), 'utf8'))] as const)

  it('has a row for every op that src/ calls', () => {
    const called = new Map<string, string>()
    for (const [name, text] of sources)
      for (const [, op] of text.matchAll(/\btf\.((?:fused\.)?\w+)/g)) if (isOp(op!)) called.set(op!, name)
    assert.ok(called.size > 40, String(called.size))
    assert.deepEqual(
      [...called].filter(([op]) => !rows.has(op)).map(([op, name]) => `${op} in ${name}`),
      [],
    )
  })

  it('sees every call: ops are called as tf.NAME alone', () => {
    // Methods of tensors, x.add(y), are not there for TypeScript: nobody imports them. Named imports are what is left.
    for (const [name, text] of sources)
      for (const [, what, from] of text.matchAll(/import ([^'"]*?) from '(@tensorflow\/tfjs[^']*)'/g)) {
        if (from !== '@tensorflow/tfjs-core') continue
        const names = what!.startsWith('{') ? what!.replace(/[{}]/g, '').split(',') : []
        assert.deepEqual(names.map(each => each.trim()).filter(isOp), [], name)
        assert.ok(names.length > 0 || what === '* as tf' || what!.startsWith('type '), `${name} imports ${what}`)
      }
  })

  it('runs every kernel that training and evaluation run', async () => {
    await prepareEngine('cpu') // where all goes through TF.js
    const inTable = await kernelsOf(async () => {
      const [x, y] = OPERANDS[1]
      for (const { call } of elementwise) await values(() => call(tf.tensor1d(x.slice()), tf.tensor1d(y.slice())))
      for (const { call } of calls) await values(call)
    })
    const examples = examplesOf(normals(5, 2 * 16 * 16), Uint8Array.of(0, 1), 16 * 16, 1)
    const run = await kernelsOf(async () => {
      for (const { model, plans } of TRAINED) {
        const network = await buildNetwork(validate(modelSchema, model), { inputShape: [16, 16, 1], numClasses: 4 })
        const params = network.init(createRng(1))
        for (const plan of plans) {
          const job = jobOf(params, examples, planOf({ epochs: 1, ...plan } as object), { common: createRng(2) })
          await trainLocally(network, job)
        }
        await evaluate(network, params, examples)
        network.dispose()
      }
    })
    assert.ok(run.includes('Conv2DBackpropFilter') && run.includes('MaxPoolGrad'), run.join(' '))
    assert.deepEqual(
      run.filter(kernel => !inTable.includes(kernel)),
      [],
    )
  })
})

const SGD = { optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 0.01 }, clipNorm: 1 }
/** Every kind of layer, and every kind of step; layers and steps do not look at each other. */
const TRAINED = [
  {
    model: { name: 'mlp', hidden: [6] },
    plans: [
      SGD,
      { optimizer: { name: 'adam' }, regularizer: { name: 'prox', mu: 0.1 } },
      { sharpness: { rho: 0.1 }, loss: 'balanced' },
      { mask: { layers: ['*'] } },
    ],
  },
  { model: { name: 'lenet5' }, plans: [SGD] },
  { model: { name: 'cnn' }, plans: [SGD] },
  { model: { name: 'resnet8' }, plans: [SGD] },
  { model: { name: 'mobilenet', width: 0.1, norm: 'batch' }, plans: [SGD] },
  { model: { name: 'mobilenet', width: 0.1, norm: 'group' }, plans: [SGD] },
]

/** What float64 says, of the operands as they are and of what an engine may take for them. */
function answers({ operands, float64 }: ElementwiseRow, x: number, y: number): number[] {
  const others = operands === 1 ? [Number.NaN] : takenFor(y)
  return takenFor(x).flatMap(one => others.map(other => float64(one, other)))
}

async function kernelsOf(run: () => Promise<void>): Promise<readonly string[]> {
  const { kernelNames } = await tf.profile(async () => {
    await run()
    return []
  })
  return kernelNames.filter(kernel => tf.getKernel(kernel, tf.getBackend())) // it counts the scopes of the tape too
}

/** TF.js names its ops so. */
function isOp(name: string): boolean {
  const [first, second] = name.split('.') as [string, string | undefined]
  const found = (tf as unknown as Record<string, unknown>)[first]
  const op = second ? (found as Record<string, unknown>)[second] : found
  return typeof op === 'function' && (op.name.endsWith('__op') || CREATORS.includes(first))
}

/** Of tensors, and not ops by their name; `tensor1d` and the like are `tensor`. */
const CREATORS = ['tensor', 'fill', 'zeros', 'ones', 'range', 'linspace']

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
}

function show(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x)
}

/** What `call` gives where every NaN that goes into a tensor has these bits. */
function writingNaN(bits: number, call: () => tf.Tensor): tf.Tensor {
  const backend = tf.backend()
  const { write } = backend
  backend.write = (values, ...rest) =>
    write.call(backend, values instanceof Float32Array ? withNaN(bits, values) : values, ...rest)
  try {
    return call()
  } finally {
    backend.write = write
  }
}

async function values(compute: () => tf.Tensor): Promise<Float32Array> {
  const result = tf.tidy(compute)
  try {
    return await result.data<'float32'>()
  } finally {
    result.dispose()
  }
}
