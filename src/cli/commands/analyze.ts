import { Command } from 'commander'
import { parse } from 'yaml'
import { FedError } from '../../core/errors.ts'
import { onInterrupt } from '../interrupt.ts'
import { engineOption, environmentOf, jsonOption, pathOf, wholeNumber } from '../options.ts'
import { requireWritable, writeOut } from '../out-file.ts'
import { type Cli, colorsFor, say, write } from '../terminal.ts'

interface Flags {
  readonly model?: unknown
  readonly data?: unknown
  readonly runFile?: string
  readonly paths?: readonly string[]
  readonly orders?: readonly string[]
  readonly groups?: unknown
  readonly window?: number
  readonly interpolation?: number
  readonly splits?: readonly string[]
  readonly examples?: number
  readonly controls?: readonly string[]
  readonly align?: unknown
  readonly repair?: unknown
  readonly draws?: number
  readonly bend?: unknown
  readonly seed?: number
  readonly engine?: string
  readonly out?: string
  readonly json?: boolean
}

const MOST = 2 ** 31

export function analyzeCommand(cli: Cli): Command {
  return new Command('analyze')
    .description('measure barriers and controls between two models in safetensors files; needs no run')
    .argument('<a>', 'first model', pathOf)
    .argument('<b>', 'second model, of the same architecture', pathOf)
    .option('--model <yaml>', "architecture: a name, or e.g. '{ name: mlp, hidden: [200] }'", yamlOf('--model'))
    .option('--data <yaml>', "data set: a name, or e.g. '{ name: mnist, dir: data }'", yamlOf('--data'))
    .option(
      '--run-file <file>',
      'take model, data, seed and barriers from a run file; other options come first',
      pathOf,
    )
    .option('--paths <list>', 'kinds of path: full, layer, cumulative, layers, window (default: full,layer)', listOf)
    .option('--orders <list>', 'orders of cumulative paths: shallow, deep, random, minimal (default: shallow)', listOf)
    .option('--groups <yaml>', "groups of layers for --paths layers, e.g. '[[conv*], [fc1, fc2]]'", yamlOf('--groups'))
    .option('--window <number>', 'how many adjacent layers move with --paths window (default: 2)', wholeNumber(1, MOST))
    .option('--interpolation <number>', 'points on each path, an odd number (default: 3)', wholeNumber(1, MOST))
    .option('--splits <list>', 'data to evaluate on: test, train (default: test)', listOf)
    .option('--examples <number>', 'examples of each split (default: 2000, or all there are)', wholeNumber(1, MOST))
    .option(
      '--controls <list>',
      'what else to measure: random, distance, curvature, features, variance, functional, sharpness, shapley, bezier',
      listOf,
    )
    .option(
      '--align <yaml>',
      "put B's units in the order of A's first: weightMatching, activationMatching, covarianceMatching, otFusion, otBarycenter",
      yamlOf('--align'),
    )
    .option(
      '--repair <list>',
      "merges beside the mean: repair, rescale, biasCorrection, preserveFirst, or YAML as '[{ name: repair, examples: 1000 }]'",
      yamlOf('--repair'),
    )
    .option('--draws <number>', 'random directions of each layer (default: 5)', wholeNumber(1, 10_000))
    .option('--bend <yaml>', 'how the curve of bezier is trained: epochs, batchSize, optimizer', yamlOf('--bend'))
    .option(
      '--seed <number>',
      'seed of the sampled examples, random orders and directions (default: 1)',
      wholeNumber(0, MOST),
    )
    .option('--out <file>', 'also write the JSON document to this file', pathOf)
    .addOption(engineOption())
    .addOption(jsonOption())
    .action(async (a: string, b: string, flags: Flags) => {
      if (flags.out !== undefined) await requireWritable(flags.out, '--out', 'json')
      const { parseAnalysisRequest } = await import('../../main/analysis/request.ts')
      const { input, plan } = await inputOf(flags)
      const request = parseAnalysisRequest(input, plan)
      const { analyze } = await import('../../main/analysis/analyze.ts')
      const engine = flags.engine ?? environmentOf(cli).FEDSTRATA_ENGINE ?? 'auto'
      const signal = interruptible(cli)
      const onStep = (what: string) => say(cli, what)
      const report = await analyze({ files: [a, b], request, engine, signal, onStep })
      if (flags.out !== undefined) await writeOut(flags.out, `${JSON.stringify(report, null, 2)}\n`, '--out')
      if (flags.json) return cli.print(report)
      const { analysisText } = await import('../analysis-text.ts')
      return write(cli.stdout, analysisText(report, colorsFor(cli.stdout, cli.variables)))
    })
}

/** The options as a request, and the barriers of the run file, over which its own come first. */
async function inputOf(flags: Flags) {
  const { model, data, runFile, paths, orders, groups, window, interpolation, splits } = flags
  const { loadRunFile, withAbsolutePaths } = await import('../run-file-source.ts')
  const taken = runFile === undefined ? null : (await loadRunFile(runFile)).runFile
  if (!taken && (model === undefined || data === undefined))
    throw new FedError('input_invalid', {
      expected: '--model and --data, or --run-file with the run file of the models',
      received:
        [model !== undefined && '--model', data !== undefined && '--data'].filter(Boolean).join('') || 'neither',
    })
  const named = withAbsolutePaths({ model: byName(model), data: byName(data) }, process.cwd()) as Named
  const input = defined({
    model: named.model ?? taken?.model,
    data: named.data ?? taken?.data,
    seed: flags.seed ?? taken?.seed,
    examples: flags.examples,
    controls: flags.controls,
    align: byName(flags.align),
    repair: repairsOf(flags.repair),
    draws: flags.draws,
    bend: flags.bend,
    barriers: defined({ paths, orders, groups, window, interpolation, splits }),
  })
  return { input, plan: taken?.barriers }
}

interface Named {
  readonly model?: unknown
  readonly data?: unknown
}

/** `mlp` for `{ name: mlp }`. */
function byName(value: unknown): unknown {
  return typeof value === 'string' ? { name: value } : value
}

/** `repair,rescale` for `[{ name: repair }, { name: rescale }]`. */
function repairsOf(value: unknown): unknown {
  const list = typeof value === 'string' ? listOf(value) : value
  return Array.isArray(list) ? list.map(byName) : list
}

function defined(options: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function listOf(text: string): readonly string[] {
  return text.split(',').map(word => word.trim())
}

function yamlOf(option: string): (text: string) => unknown {
  return text => {
    try {
      return parse(text)
    } catch (cause) {
      const received = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
      throw new FedError('input_invalid', { expected: `YAML or JSON after ${option}`, received, cause })
    }
  }
}

/** Ctrl-C ends the measurement as `interrupted`: there is nothing to go on with later. */
function interruptible(cli: Cli): AbortSignal {
  const asked = onInterrupt(() => say(cli, 'stopping'))
  const stop = new AbortController()
  asked.addEventListener('abort', () => stop.abort(new FedError('interrupted')), { once: true })
  return stop.signal
}
