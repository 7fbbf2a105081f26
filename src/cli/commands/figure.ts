import { Command } from 'commander'
import type { z } from 'zod'
import { barrierFigure } from '../../figures/barriers.ts'
import { coursesFigure } from '../../figures/courses.ts'
import { cumulativeFigure } from '../../figures/cumulative.ts'
import { interpolationFigure } from '../../figures/interpolation.ts'
import { curvesQuestion, readBarrierCurves } from '../../rounds/barrier-curves.ts'
import { historyQuestion, readBarrierHistory } from '../../rounds/barrier-matrix.ts'
import { courseQuestion, readCourses } from '../../rounds/courses.ts'
import { cumulativeQuestion, readCumulativeBarriers } from '../../rounds/cumulative-barriers.ts'
import type { Store } from '../../rounds/ports.ts'
import { withStore } from '../database.ts'
import { databaseOption, dataDirOption, environmentOf, pathOf, type StorageFlags, storageOf } from '../options.ts'
import { requireWritable, writeOut } from '../out-file.ts'
import { addQuestionOptions, questionOf } from '../question-options.ts'
import { type Cli, write } from '../terminal.ts'

interface Figure<S extends z.ZodObject> {
  readonly name: string
  readonly description: string
  /** "<run>" or "<runs...>" */
  readonly argument: string
  readonly question: S
  draw(store: Store, runs: readonly string[], question: z.output<S>): Promise<string>
}

export function figureCommand(cli: Cli): Command {
  const command = new Command('figure').description('draw what was measured as a self-contained SVG file')
  command.addCommand(
    figure(cli, {
      name: 'barriers',
      description: 'the history of barriers, layers × rounds, a panel for each base',
      argument: '<run>',
      question: historyQuestion,
      draw: async (store, [run = ''], question) => barrierFigure(await readBarrierHistory(store, run, question)),
    }),
  )
  command.addCommand(
    figure(cli, {
      name: 'interpolation',
      description: 'error or loss along the full path and the paths of layers, in one round',
      argument: '<run>',
      question: curvesQuestion,
      draw: async (store, [run = ''], question) => interpolationFigure(await readBarrierCurves(store, run, question)),
    }),
  )
  command.addCommand(
    figure(cli, {
      name: 'cumulative',
      description: 'the barrier against the number of layers that have joined, a line for each order and round',
      argument: '<run>',
      question: cumulativeQuestion,
      draw: async (store, [run = ''], question) => cumulativeFigure(await readCumulativeBarriers(store, run, question)),
    }),
  )
  command.addCommand(
    figure(cli, {
      name: 'accuracy',
      description: 'accuracy or loss by round, a line for each run',
      argument: '<runs...>',
      question: courseQuestion,
      draw: async (store, runs, question) => coursesFigure(await readCourses(store, runs, question)),
    }),
  )
  return command
}

function figure<S extends z.ZodObject>(cli: Cli, { name, description, argument, question, draw }: Figure<S>): Command {
  const command = new Command(name)
    .description(description)
    .argument(argument, argument === '<run>' ? 'id of the run' : 'ids of runs')
    .option('--out <file>', 'SVG file to write (default: stdout)', pathOf)
    .addOption(databaseOption())
    .addOption(dataDirOption())
  return addQuestionOptions(command, question).action(
    async (runs: string | readonly string[], flags: StorageFlags & { readonly out?: string }) => {
      if (flags.out !== undefined) await requireWritable(flags.out, '--out', 'svg')
      const asked = questionOf(question, { ...flags })
      const options = storageOf(flags, environmentOf(cli))
      const svg = await withStore(options, store => draw(store, [runs].flat(), asked))
      await (flags.out === undefined ? write(cli.stdout, svg) : writeOut(flags.out, svg, '--out'))
    },
  )
}
