import { arch, availableParallelism, cpus, release, type } from 'node:os'
import { Command, Option } from 'commander'
import { FedError } from '../../core/errors.ts'
import { EXIT } from '../../core/exit-codes.ts'
import { packageVersion } from '../../main/version.ts'
import type { Report } from '../../reproduction/report.ts'
import { onInterrupt } from '../interrupt.ts'
import { engineOption, environmentOf, jsonOption, pathOf, quoted, wholeNumber } from '../options.ts'
import { requireWritable, writeOut } from '../out-file.ts'
import { reproductionView } from '../progress/reproduction-view.ts'
import { verdictTable } from '../reproduction-table.ts'
import { type Cli, colorsFor, say, write } from '../terminal.ts'

interface Flags {
  readonly json?: boolean
  readonly quick?: boolean
  readonly engine?: string
  readonly workers?: number
  readonly mnist?: string
  readonly cifar10?: string
  readonly out?: string
}

export function reproduceCommand(cli: Cli): Command {
  return new Command('reproduce')
    .description('check the claims of the papers on real data')
    .argument('[checks...]', 'names or numbers of checks (default: all)')
    .addOption(new Option('--mnist <dir>', 'folder with the four IDX files of MNIST').argParser(pathOf))
    .addOption(
      new Option(
        '--cifar10 <dir>',
        'folder with the binary version of CIFAR-10; one training batch is enough',
      ).argParser(pathOf),
    )
    .addOption(new Option('--quick', 'smaller sizes, on the digits included in the package; takes about a minute'))
    .addOption(engineOption())
    .addOption(
      new Option('--workers <number>', 'threads that compute (default: one per core)').argParser(wholeNumber(1, 256)),
    )
    .addOption(new Option('--out <file>', 'also write a report in Markdown to this file').argParser(pathOf))
    .addOption(jsonOption())
    .action(async (checks: readonly string[], flags: Flags) => {
      const { reproduce } = await import('../../reproduction/reproduce.ts')
      const { reportPage } = await import('../../reproduction/report.ts')
      const { quick = false, mnist, cifar10, out } = flags
      if (out !== undefined) await requireWritable(out, '--out', 'markdown')
      const interrupted = new AbortController()
      onInterrupt(() => say(cli, 'stopping')).addEventListener('abort', () =>
        interrupted.abort(new FedError('interrupted')),
      )
      const view = reproductionView(cli)
      const began = performance.now()
      try {
        const reproduction = await reproduce({
          checks,
          quick,
          folders: { ...(mnist !== undefined && { mnist }), ...(cifar10 !== undefined && { cifar10 }) },
          engine: flags.engine ?? environmentOf(cli).FEDSTRATA_ENGINE,
          workers: flags.workers,
          notify: view.notice,
          signal: interrupted.signal,
        })
        view.end()
        const report: Report = {
          ...reproduction,
          version: packageVersion(),
          machine: machine(),
          node: process.version,
          finished: new Date().toISOString(),
          seconds: (performance.now() - began) / 1000,
        }
        if (out !== undefined) await writeOut(out, reportPage(report, commandOf(flags)), '--out')
        if (flags.json) await cli.print(report)
        else await write(cli.stdout, verdictTable(report, colorsFor(cli.stdout, cli.variables)))
        if (!report.passed) cli.exit(EXIT.failed) // also where checks could not be run: the claims are not borne out
      } finally {
        view.end()
      }
    })
}

/** The words that give a check's numbers again, up to its name. */
function commandOf({ quick, mnist, cifar10 }: Flags): string {
  const folders = [mnist && `--mnist ${quoted(mnist)}`, cifar10 && `--cifar10 ${quoted(cifar10)}`]
  return ['fedstrata reproduce', quick && '--quick', ...folders].filter(Boolean).join(' ')
}

function machine(): string {
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${type()} ${release()} ${arch()}`
}
