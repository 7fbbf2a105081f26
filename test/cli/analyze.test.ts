import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { range } from '../../src/core/indices.ts'
import { layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import { dataSchema, loadDataset } from '../../src/data/index.ts'
import type { AnalysisReport } from '../../src/main/analysis/analyze.ts'
import { encodeModel } from '../../src/store/checkpoint-codec.ts'
import { lossAndGradient } from '../training/oracle.ts'
import { type Folder, fedstrata, folderWithRun, TINY } from './cli.ts'

const WIDTHS = { d: 12, h: 8, c: 4 }
const MODEL = JSON.stringify(TINY.model)
const DATA = JSON.stringify(TINY.data)
const ON = ['--model', MODEL, '--data', DATA, '--engine', 'wasm']

/** The run file of the folder, with a group of layers that moves together. */
const GROUPED = { ...TINY, barriers: { examples: 50, paths: ['full', 'layers'], groups: [['fc1', 'fc2']] } }

/** One float64, as safetensors. */
const HEADER = JSON.stringify({ x: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } })
const DOUBLE = Buffer.concat([
  Buffer.from(BigUint64Array.of(BigInt(HEADER.length)).buffer),
  Buffer.from(HEADER),
  Buffer.alloc(8),
])

/** fc1 12 × `hidden`, fc2 `hidden` × 4, as the run file of the folder says for 8. */
function layoutWith(hidden: number) {
  const tensor = (name: string, shape: number[], kind: 'kernel' | 'bias') => ({ name, shape, kind, trainable: true })
  return layoutOf([
    tensor('fc1/kernel', [12, hidden], 'kernel'),
    tensor('fc1/bias', [hidden], 'bias'),
    tensor('fc2/kernel', [hidden, 4], 'kernel'),
    tensor('fc2/bias', [4], 'bias'),
  ])
}

async function writeModel(folder: Folder, name: string, seed: number, hidden = 8): Promise<Params> {
  const layout = layoutWith(hidden)
  const rng = createRng(seed)
  const params = Float32Array.from({ length: layout.size }, () => normal(rng) / 2)
  await writeFile(join(folder.path, name), Buffer.concat(encodeModel(params, layout)))
  return params
}

async function twoModels(t: TestContext) {
  const folder = await folderWithRun(t)
  const models = [await writeModel(folder, 'a.safetensors', 1), await writeModel(folder, 'b.safetensors', 2)] as const
  const analyze = (...words: string[]) => fedstrata(t, folder, ['analyze', 'a.safetensors', 'b.safetensors', ...words])
  return { folder, models, analyze }
}

describe('analyze', { concurrency: 2 }, () => {
  test('a value that is not finite is refused with file, tensor and place, before anything is measured', async t => {
    const { folder, models, analyze } = await twoModels(t)
    const layout = layoutWith(8)
    // fc1/kernel has 96 values, fc1/bias 8.
    const broken = models[1].with(98, Number.NaN)
    await writeFile(join(folder.path, 'b.safetensors'), Buffer.concat(encodeModel(broken, layout)))
    const { code, stdout, stderr } = await analyze(...ON)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /model_invalid[\s\S]*finite values in b\.safetensors[\s\S]*NaN at fc1\/bias\[2\]/)
  })

  test('a model that is finite and computes nothing finite has no loss, no error and no barrier', async t => {
    const { folder, models, analyze } = await twoModels(t)
    await writeFile(
      join(folder.path, 'b.safetensors'),
      Buffer.concat(
        encodeModel(
          models[1].map(() => 3e38),
          layoutWith(8),
        ),
      ),
    )
    const { code, stdout, stderr } = await analyze(...ON, '--paths', 'full', '--json')
    assert.equal(code, 0, stderr)
    const { loss, error, endpointError, lossBarrier, errorBarrier } = (JSON.parse(stdout) as AnalysisReport)
      .barriers[0]!
    assert.deepEqual(
      [loss.at(-1), error.at(-1), endpointError[1], lossBarrier, errorBarrier],
      [null, null, null, null, null],
    )
    assert.ok(loss[0] !== null && error[0] !== null && endpointError[0] !== null)
    assert.doesNotMatch((await analyze(...ON, '--paths', 'full')).stdout, /NaN|1\.0000/)
  })

  test('measures two files on all test examples as a float64 loop does, and says everything in one document', async t => {
    const { folder, models, analyze } = await twoModels(t)
    const words = ['--paths', 'full,layer,layers', '--groups', '[[fc2]]', '--controls', 'distance', '--out', 'out.json']
    const { code, stdout, stderr } = await analyze(...ON, ...words, '--json')
    assert.equal(code, 0, stderr)
    const report: AnalysisReport = JSON.parse(stdout)
    assert.deepEqual(JSON.parse(await readFile(join(folder.path, 'out.json'), 'utf8')), report)

    const { test: examples } = await loadDataset(dataSchema.parse(TINY.data))
    const { x, y } = gather(examples, range(examples.length))
    const loss = (params: ArrayLike<number>) => lossAndGradient(Float64Array.from(params), WIDTHS, x, y).loss
    const near = (actual: number | null | undefined, expected: number) =>
      assert.ok(Math.abs(actual! - expected) < 1e-5, `${actual} for ${expected}`)
    const [a, b] = models
    const split = 12 * 8 + 8
    const mixed = (moves: (i: number) => boolean, base: Params) =>
      base.map((value, i) => (moves(i) ? (a[i]! + b[i]!) / 2 : value))
    const mean = (loss(a) + loss(b)) / 2
    const height = (path: string, layer: string | null, base: number | null) =>
      report.barriers.find(row => row.path === path && row.layer === layer && row.base === base)?.lossBarrier
    near(report.barriers[0]!.endpointLoss[0], loss(a))
    near(report.barriers[0]!.endpointLoss[1], loss(b))
    near(height('full', null, null), loss(mixed(() => true, a)) - mean)
    near(height('layer', 'fc1', 1), loss(mixed(i => i < split, a)) - mean)
    near(height('layer', 'fc2', 2), loss(mixed(i => i >= split, b)) - mean)
    assert.equal(height('layers', null, 1), height('layer', 'fc2', 1))
    const whole = report.controls.test?.distance?.find(({ layer }) => layer === null)
    near(whole?.l2, Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)))
    assert.deepEqual(
      [report.model, report.parameters, report.data, report.engine, report.examples],
      ['mlp', a.length, 'synthetic', 'wasm', { test: 100 }],
    )
  })

  test('options come before a run file, whose groups go where no path moves them', async t => {
    const { analyze, folder } = await twoModels(t)
    await folder.write('grouped.json', JSON.stringify(GROUPED))
    const { code, stdout, stderr } = await analyze('--run-file', 'grouped.json', '--paths', 'full,layer', '--json')
    assert.equal(code, 0, stderr)
    const { barriers }: AnalysisReport = JSON.parse(stdout)
    assert.deepEqual(new Set(barriers.map(({ path }) => path)), new Set(['full', 'layer']))
  })

  test('takes model, data and barriers from a run file, and gives the same bits each time, for every control', async t => {
    const { analyze } = await twoModels(t)
    const controls = 'random,distance,curvature,features,variance,functional,sharpness,shapley,bezier'
    const words = ['--splits', 'test,train', '--examples', '60', '--controls', controls, '--seed', '3', '--json']
    const first = await analyze('--run-file', 'tiny.json', '--engine', 'wasm', ...words)
    const second = await analyze(...ON, ...words)
    assert.equal(first.code, 0, first.stderr)
    assert.equal(first.stdout, second.stdout)
    const report: AnalysisReport = JSON.parse(first.stdout)
    assert.deepEqual(report.examples, { test: 60, train: 60 })
    for (const split of ['test', 'train'] as const)
      assert.deepEqual(Object.keys(report.controls[split] ?? {}), controls.split(','))
    assert.deepEqual(
      report.controls.test?.random?.map(({ base, layer }) => [base, layer]),
      [1, 2].flatMap(base => ['fc1', 'fc2', null].map(layer => [base, layer])),
    )
    const { random: ends, shapley } = report.controls.test!
    const [ofA] = ends!.filter(({ layer }) => layer === null)
    const shares = shapley!.filter(({ base, at }) => base === 1 && at === 1)
    const change = ofA!.averaging.loss[2]! - ofA!.averaging.loss[0]!
    assert.ok(Math.abs(shares.reduce((sum, { loss }) => sum + loss!, 0) - change) < 1e-6, 'shares sum to the change')
    const { largestLoss, linearLargestLoss } = report.controls.train!.bezier!
    assert.ok(largestLoss! <= linearLargestLoss!, 'the trained bend goes round')
  })

  test('prints tables for people: the models, every path, and each control', async t => {
    const { analyze } = await twoModels(t)
    const words = ['--paths', 'full,layer,cumulative,window', '--window', '1', '--controls', 'features,variance,random']
    const { code, stdout } = await analyze(...ON, ...words)
    assert.equal(code, 0)
    assert.match(stdout, /^mlp of 140 parameters on synthetic, 100 test examples; engine wasm$/m)
    assert.match(stdout, /^A {2}a\.safetensors +\d\.\d{4} +0\.\d{4}$/m)
    assert.match(stdout, /^full +all +[+−]0\.\d{4} +[+−]\d\.\d{4}$/m)
    assert.match(stdout, /^layer +fc1( +[+−]\d\.\d{4}){4}$/m)
    assert.match(stdout, /^cumulative, shallow +\+ fc2( +[+−]\d\.\d{4}){4}$/m)
    assert.match(stdout, /^window +fc2( +[+−]\d\.\d{4}){4}$/m)
    assert.match(stdout, /^fc1( +\d+\.\d{4}){3}$/m)
    for (const moved of ['A', 'B']) assert.match(stdout, new RegExp(`^${moved} +all( +\\d+\\.\\d{4}){6}$`, 'm'))
  })

  test('puts B in the order of A, and measures before and after; repairs stand beside the mean', async t => {
    const { folder, models, analyze } = await twoModels(t)
    // B is A with its hidden units turned round: the same function, far away in weights.
    const [a] = models
    const turned = a.slice()
    for (let unit = 0; unit < WIDTHS.h; unit++) {
      const from = WIDTHS.h - 1 - unit
      for (let i = 0; i <= WIDTHS.d; i++) turned[i * WIDTHS.h + unit] = a[i * WIDTHS.h + from]!
      const head = (WIDTHS.d + 1) * WIDTHS.h
      for (let c = 0; c < WIDTHS.c; c++) turned[head + unit * WIDTHS.c + c] = a[head + from * WIDTHS.c + c]!
    }
    await writeFile(join(folder.path, 'b.safetensors'), Buffer.concat(encodeModel(turned, layoutWith(WIDTHS.h))))
    const words = ['--align', 'weightMatching', '--repair', 'repair,rescale,biasCorrection', '--examples', '60']
    const { code, stdout, stderr } = await analyze(...ON, ...words, '--splits', 'test,train', '--json')
    assert.equal(code, 0, stderr)
    const report: AnalysisReport = JSON.parse(stdout)
    const near = (actual: number | null | undefined, expected: number) =>
      assert.ok(Math.abs(actual! - expected) < 1e-5, `${actual} for ${expected}`)
    for (const split of ['test', 'train'] as const) {
      const full = (rows: AnalysisReport['barriers']) => rows.find(row => row.path === 'full' && row.split === split)!
      const [before, after] = [full(report.barriers), full(report.aligned!.barriers)]
      assert.ok(Math.abs(before.lossBarrier!) > 0.01, `${before.lossBarrier}`)
      near(after.lossBarrier, 0)
      near(report.aligned!.outputDifference[split], 0)
      const merge = (aligned: string | null, name: string) =>
        report.merges.find(row => row.split === split && row.aligned === aligned && row.merge === name)!
      // The same models by another way: a path's midpoint is evaluated by the network itself.
      near(merge(null, 'mean').loss, before.loss[1]!)
      near(merge(null, 'mean').error, before.error[1]!)
      near(merge('weightMatching', 'mean').loss, after.loss[1]!)
      // Parents of one order have no statistics to repair.
      near(merge('weightMatching', 'repair').loss, after.loss[1]!)
      assert.equal(merge(null, 'biasCorrection').parameters, report.parameters)
    }
    assert.equal(report.merges.length, 2 * 2 * 4)

    const text = await analyze(
      ...ON,
      '--align',
      '{ name: otFusion, by: activations, examples: 50 }',
      '--repair',
      'rescale',
    )
    assert.equal(text.code, 0, text.stderr)
    assert.match(text.stdout, /^barriers with B aligned by otFusion \(its logits move by at most \d\.\de-\d\), test$/m)
    assert.match(text.stdout, /^as it is +mean +140 +\d\.\d{4} +0\.\d{4}$/m)
    assert.match(text.stdout, /^otFusion +rescale +140 +\d\.\d{4} +0\.\d{4}$/m)
  })

  const mistakes: readonly (readonly [name: string, words: readonly string[], expected: RegExp])[] = [
    [
      'files of different layouts',
      ['a.safetensors', 'wide.safetensors', ...ON],
      /layout_mismatch.*fc1\/kernel \[12, 8\] as in a\.safetensors.*fc1\/kernel \[12, 9\] in wide\.safetensors/s,
    ],
    [
      'another model',
      ['wide.safetensors', 'wide.safetensors', ...ON],
      /layout_mismatch.*fc1\/kernel \[12, 8\].*fc1\/kernel \[12, 9\] in wide\.safetensors.*--run-file/s,
    ],
    [
      'a pattern that matches nothing',
      ['a.safetensors', 'b.safetensors', ...ON, '--paths', 'layers', '--groups', '[["conv*"]]'],
      /layer_unknown.*fc1, fc2.*conv\*/s,
    ],
    [
      'a window wider than the model',
      ['a.safetensors', 'b.safetensors', ...ON, '--paths', 'window', '--window', '3'],
      /input_invalid.*1 to 2 layers/s,
    ],
    [
      'more examples than there are',
      ['a.safetensors', 'b.safetensors', ...ON, '--examples', '101'],
      /input_invalid.*at most 100 examples.*test data of synthetic.*101/s,
    ],
    ['no file', ['a.safetensors', 'c.safetensors', ...ON], /file_unreadable.*c\.safetensors.*no such file/s],
    ['a file of something else', ['a.safetensors', 'tiny.json', ...ON], /file_unreadable.*safetensors at tiny\.json/s],
    [
      'weights of PyTorch',
      ['a.safetensors', 'model.pt', ...ON],
      /file_unreadable.*safetensors at model\.pt\n +got: +a pickle.*PyTorch.*save_file/s,
    ],
    [
      'weights in float64',
      ['a.safetensors', 'double.safetensors', ...ON],
      /file_unreadable.*at double\.safetensors: x to be of type F32, F16, BF16\n +got: +"F64"/s,
    ],
    [
      'groups without the paths that move them, over those of a run file',
      ['a.safetensors', 'b.safetensors', '--run-file', 'grouped.json', '--paths', 'full', '--groups', '[[fc2]]'],
      /input_invalid.*barriers\.groups: expected layers among/s,
    ],
    [
      'no model',
      ['a.safetensors', 'b.safetensors', '--data', 'mnist-10k'],
      /input_invalid.*--model and --data, or --run-file.*--data/s,
    ],
    [
      'an unknown control',
      ['a.safetensors', 'b.safetensors', ...ON, '--controls', 'randm'],
      /input_invalid.*controls\.0.*"randm".*Did you mean "random"/s,
    ],
    [
      'a way of aligning to what is not there',
      ['a.safetensors', 'b.safetensors', ...ON, '--align', '{ name: weightMatching, to: global }'],
      /input_invalid.*align\.to: first, which is A.*global/s,
    ],
    [
      'an unknown repair',
      ['a.safetensors', 'b.safetensors', ...ON, '--repair', 'repiar'],
      /input_invalid.*repair\.0.*repiar/s,
    ],
    [
      'an even grid',
      ['a.safetensors', 'b.safetensors', ...ON, '--interpolation', '4'],
      /interpolation.*odd number of points/s,
    ],
    [
      'broken YAML',
      ['a.safetensors', 'b.safetensors', '--model', '{ name: mlp'],
      /input_invalid.*YAML or JSON after --model/s,
    ],
  ]
  for (const [name, words, expected] of mistakes)
    test(`refuses ${name} with exit code 2`, async t => {
      const { folder } = await twoModels(t)
      await writeModel(folder, 'wide.safetensors', 3, 9)
      await writeFile(join(folder.path, 'model.pt'), Buffer.from([0x80, 0x02, 0x8a, 0x0a]))
      await writeFile(join(folder.path, 'double.safetensors'), DOUBLE)
      await folder.write('grouped.json', JSON.stringify(GROUPED))
      const { code, stdout, stderr } = await fedstrata(t, folder, ['analyze', ...words])
      assert.equal(code, 2, stderr)
      assert.match(stderr, expected)
      assert.doesNotMatch(stderr, /^ +at /m, 'a stack')
      assert.equal(stdout, '')
    })
})
