import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { FedError } from '../../core/errors.ts'
import { barrierFigure } from '../../figures/barriers.ts'
import { readBarrierHistory } from '../../rounds/barrier-matrix.ts'
import { withStore } from '../database.ts'
import { addMatrixOptions, type MatrixFlags, questionOf } from '../matrix-options.ts'
import { databaseOption, dataDirOption, environmentOf, type StorageFlags, storageOf } from '../options.ts'
import { type Cli, write } from '../terminal.ts'

type FigureFlags = StorageFlags & { readonly out?: string }

export function figureCommand(cli: Cli): Command {
  return new Command('figure')
    .description('what was measured, drawn: an SVG file that needs nothing but itself')
    .addCommand(barriersCommand(cli))
}

function barriersCommand(cli: Cli): Command {
  const command = figure('barriers', 'the history of barriers, layers × rounds, a panel for each base').argument(
    '<run>',
    'id of the run',
  )
  return addMatrixOptions(command, 'a panel for each of the two').action(
    async (id: string, flags: FigureFlags & MatrixFlags) => {
      const question = { ...questionOf(flags), base: flags.base }
      const options = storageOf(flags, environmentOf(cli))
      const svg = await withStore(options, async store => barrierFigure(await readBarrierHistory(store, id, question)))
      await deliver(cli, svg, flags.out)
    },
  )
}

function figure(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--out <file>', 'where to write it (default: stdout)')
    .addOption(databaseOption())
    .addOption(dataDirOption())
}

async function deliver(cli: Cli, svg: string, file: string | undefined): Promise<void> {
  if (file === undefined) return write(cli.stdout, svg)
  try {
    await writeFile(file, svg)
  } catch (cause) {
    const received = cause instanceof Error ? cause.message : String(cause)
    throw new FedError('input_invalid', {
      expected: 'a file that can be written as --out, e.g. figure.svg',
      received,
      cause,
    })
  }
}
