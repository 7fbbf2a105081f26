import { Command, InvalidArgumentError } from 'commander'
import type { PrivacyOutlook } from '../../rounds/privacy-outlook.ts'
import { jsonOption, pathOf, setOption } from '../options.ts'
import { type Cli, say, write } from '../terminal.ts'
import { textTable } from '../text-table.ts'

interface Flags {
  readonly noise?: readonly number[]
  readonly set: readonly string[]
  readonly json?: boolean
}

export function privacyCommand(cli: Cli): Command {
  return new Command('privacy')
    .description('compute the privacy loss (epsilon) of a run file round by round, without running it')
    .argument('<file>', 'run file with privacy, YAML or JSON', pathOf)
    .option('--noise <list>', 'noise multipliers to try in place of that of the run file, e.g. 0.7,1,1.5', multipliers)
    .addOption(setOption())
    .addOption(jsonOption())
    .action(async (file: string, { noise, set, json }: Flags) => {
      const { loadRunFile } = await import('../run-file-source.ts')
      const { privacyOutlook } = await import('../../rounds/privacy-outlook.ts')
      const { runFile } = await loadRunFile(file, set)
      const outlook = privacyOutlook(runFile, noise)
      if (json) return cli.print(outlook)
      say(cli, meaning(outlook))
      return write(cli.stdout, outlookTable(outlook, runFile.privacy?.maxEpsilon))
    })
}

function multipliers(text: string): readonly number[] {
  const values = text.split(',').map(Number)
  if (values.every(value => value >= 0.05 && value <= 1e4)) return values
  throw new InvalidArgumentError('Expected numbers from 0.05 to 10000 with commas between.')
}

function meaning({ delta, noiseOn, sampling, rate, neighbours }: PrivacyOutlook): string {
  const who = rate === 1 ? 'all clients in every round' : `${sampling} sampling of ${rate} of the clients`
  return `epsilon at delta ${delta}, noise on ${noiseOn === 'sum' ? 'the sum' : 'each update'}, ${who}; neighbours differ by ${neighbours}`
}

function outlookTable({ rounds, noise }: PrivacyOutlook, maxEpsilon: number | undefined): string {
  const header = ['rounds', ...noise.map(({ noiseMultiplier }) => `noise ${noiseMultiplier}`)]
  const rows = rounds.map((round, i) => [String(round), ...noise.map(({ epsilon }) => epsilon[i]!.toFixed(3))])
  if (maxEpsilon !== undefined)
    rows.push([`last within ${maxEpsilon}`, ...noise.map(({ lastRound }) => String(lastRound))])
  return textTable(header, rows)
}
