import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { AnalysisReport } from '../main/analysis/analyze.ts'
import { number, signed } from './round-summary.ts'
import type { Colors } from './terminal.ts'
import { textTable } from './text-table.ts'

type Barrier = AnalysisReport['barriers'][number]
type Results = NonNullable<AnalysisReport['controls']['test']>

/** An analysis for people: the two models, their barriers, then each control in a table of its own. */
export function analysisText(report: AnalysisReport, colors: Colors): string {
  const { model, parameters, data, engine, examples, barriers, controls } = report
  const sizes = Object.entries(examples).map(([split, count]) => `${count.toLocaleString('en')} ${split} examples`)
  const splits = groupBy(barriers, ({ split }) => split)
  const { aligned, merges } = report
  const parts = [
    `${model} of ${parameters.toLocaleString('en')} parameters on ${data}, ${sizes.join(', ')}; engine ${engine}\n`,
    ...[...splits].flatMap(([split, records]) => [
      titled(colors, `the two models, ${split}`, modelsTable(report, records)),
      titled(colors, `barriers at the midpoint, ${split}`, barriersTable(records)),
      ...(aligned
        ? [titled(colors, alignedTitle(aligned, split), barriersTable(aligned.barriers.filter(of(split))))]
        : []),
      ...(merges.length > 0 ? [titled(colors, `merges, ${split}`, mergesTable(merges.filter(of(split))))] : []),
      ...Object.entries(controls[split] ?? {}).map(([name, result]) => {
        const { title, rows } = CONTROL_TABLES[name as keyof Results]
        // A distance is of the parameters alone, the same on any examples.
        if (name === 'distance')
          return split === [...splits.keys()][0] ? titled(colors, title, rows(result as never)) : ''
        return titled(colors, `${title}, ${split}`, rows(result as never))
      }),
    ]),
  ]
  return `${parts.filter(part => part !== '').join('\n')}\nbarrier: of the mix, minus the mean of the two models; below 0 averaging helps. A, B: the model that supplies the other layers\n`
}

function of(split: Barrier['split']): (row: { readonly split: Barrier['split'] }) => boolean {
  return row => row.split === split
}

function alignedTitle({ method, outputDifference }: NonNullable<AnalysisReport['aligned']>, split: Barrier['split']) {
  const apart = outputDifference[split]
  const moved = apart ? `move by at most ${apart.toExponential(1)}` : 'do not move'
  return `barriers with B aligned by ${method} (its logits ${moved}), ${split}`
}

function mergesTable(merges: AnalysisReport['merges']): string {
  const rows = merges.map(({ aligned, merge, parameters, loss, error }) => [
    aligned ?? 'as it is',
    merge,
    parameters.toLocaleString('en'),
    number(loss),
    number(error),
  ])
  return textTable(['B', 'merge', 'parameters', 'loss', 'error'], rows)
}

function titled(colors: Colors, title: string, table: string): string {
  return `${colors.bold(title)}\n${table}`
}

function modelsTable({ models }: AnalysisReport, [record]: readonly Barrier[]): string {
  const rows = models.map(({ file }, i) => [
    'AB'[i]!,
    file,
    number(record?.endpointLoss[i]),
    number(record?.endpointError[i]),
  ])
  return textTable(['', 'file', 'loss', 'error'], rows)
}

function barriersTable(barriers: readonly Barrier[]): string {
  const places = groupBy(barriers, ({ path, order, layers }) => [path, order, ...layers].join(' '))
  const rows = [...places.values()].map(records => {
    const into = (base: 1 | 2) => records.find(record => record.base === base)
    const [a, b] = [into(1) ?? records.find(({ base }) => base === null), into(2)]
    const values = [a?.errorBarrier, b?.errorBarrier, a?.lossBarrier, b?.lossBarrier]
    return [
      pathName(records[0]!),
      layersName(records[0]!),
      ...values.map(value => (value === undefined ? '' : signed(value))),
    ]
  })
  return textTable(['path', 'layers', 'error: A', 'error: B', 'loss: A', 'loss: B'], rows)
}

function pathName({ path, order }: Pick<BarrierRecord, 'path' | 'order'>): string {
  return order === null ? path : `${path}, ${order}`
}

function layersName({ path, layer, layers }: Barrier): string {
  if (path === 'full') return 'all'
  if (path === 'layer') return layer ?? ''
  if (path === 'cumulative') return `+ ${layer}`
  if (path === 'window') return layers.length > 1 ? `${layers[0]} … ${layers.at(-1)}` : (layers[0] ?? '')
  return layers.join(', ')
}

interface ControlTable<R> {
  readonly title: string
  rows(result: R): string
}

const CONTROL_TABLES: { readonly [K in keyof Results]-?: ControlTable<NonNullable<Results[K]>> } = {
  random: {
    title: 'error of a model moved towards the other one (averaging), and as far at random',
    rows: result =>
      textTable(
        ['moved', 'layer', 'distance', 'at 0', 'averaging ½', 'random ½', 'averaging 1', 'random 1'],
        result.map(({ base, layer, distance, averaging, random }) => [
          'AB'[base - 1]!,
          layer ?? 'all',
          number(distance),
          ...[averaging.error[0], averaging.error[1], random.error[1], averaging.error[2], random.error[2]].map(number),
        ]),
      ),
  },
  distance: {
    title: 'distance of the parameters',
    rows: result =>
      textTable(
        ['layer', 'l2', 'cosine'],
        result.map(({ layer, l2, cosine }) => [layer ?? 'all', number(l2), signed(cosine)]),
      ),
  },
  curvature: {
    title: 'curvature of the loss along the path, its rise in the middle, and the rise that the curvature predicts',
    rows: result =>
      textTable(
        ['path', 'layer', 'into', 'at 0', 'at ½', 'at 1', 'rise at ½', 'by the ends', 'by the middle'],
        result.map(({ path, layer, base, curvature, rise, predicted }) => [
          path,
          layer ?? 'all',
          base === null ? '' : 'AB'[base - 1]!,
          ...[...curvature, rise, predicted.ends, predicted.middle].map(signed),
        ]),
      ),
  },
  features: {
    title: 'features of the midpoint against the mean of the features',
    rows: result =>
      textTable(
        ['layer', '1 − cos', 'coefficient', '1 − cos of A and B'],
        result.map(({ layer, distance, coefficient, baseline }) => [
          layer,
          ...[distance, coefficient, baseline].map(number),
        ]),
      ),
  },
  variance: {
    title: 'variance of the midpoint’s features over that of the models’',
    rows: result =>
      textTable(
        ['layer', 'ratio'],
        result.map(({ layer, varianceRatio }) => [layer, number(varianceRatio)]),
      ),
  },
  functional: {
    title: 'how alike the two are as functions',
    rows: ({ sameProbabilities, sameClass }) =>
      textTable(
        ['', 'fraction'],
        [
          ['probabilities within 0.0001', number(sameProbabilities)],
          ['examples in the same class', number(sameClass)],
        ],
      ),
  },
  sharpness: {
    title: 'sharpness of the output layer',
    rows: result =>
      textTable(
        ['', 'κ'],
        result.map((kappa, i) => ['AB'[i]!, number(kappa)]),
      ),
  },
  shapley: {
    title:
      'shares of the layers in the change of a model that is moved to the other one: averaged (½), or taken over (1)',
    rows: result =>
      textTable(
        ['moved', 'layer', 'to', 'loss', 'error'],
        result.map(({ base, layer, at, loss, error }) => [
          'AB'[base - 1]!,
          layer,
          at === 1 ? '1' : '½',
          signed(loss),
          signed(error),
        ]),
      ),
  },
  bezier: {
    title: 'largest on the way from A to B',
    rows: ({ largestLoss, largestError, linearLargestLoss, linearLargestError }) =>
      textTable(
        ['', 'loss', 'error'],
        [
          ['straight line', number(linearLargestLoss), number(linearLargestError)],
          ['curve with a trained bend', number(largestLoss), number(largestError)],
        ],
      ),
  },
}
