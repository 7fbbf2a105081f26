import { type Measurement, readable, type Table } from './check.ts'
import { checksNamed } from './checks/index.ts'
import type { CheckResult, Reproduction } from './reproduce.ts'
import { settingsTable } from './settings-page.ts'
import { sizesOf } from './sizes.ts'

/** What a report says of where and when it was made. */
export interface Circumstances {
  readonly version: string
  /** Processor and operating system, in words. */
  readonly machine: string
  readonly node: string
  /** ISO 8601. */
  readonly finished: string
  readonly seconds: number
}

export type Report = Reproduction & Circumstances

const VERDICT = { passed: '✔ passed', failed: '✘ failed', skipped: '– skipped', 'not run': '– not run' } as const

/** "3 passed, 0 failed, 1 skipped"; what could not be run is counted where there is some. */
export function verdictsOf(checks: readonly CheckResult[]): string {
  const count = (status: CheckResult['status']) => checks.filter(check => check.status === status).length
  const broken = count('not run')
  const counts = `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`
  return broken === 0 ? counts : `${counts}, ${broken} not run`
}

/** The report as a Markdown page; `command` is what gives the numbers again, less the names of checks. */
export function reportPage(report: Report, command: string): string {
  const { engine, checks } = report
  return `# Reproduction

Claims of the papers behind FedStrata, measured on real data with its own training, mixing and evaluation. Each has a bound
that was set beforehand; *reference* is what an independent implementation (PyTorch) measured under the same settings, with
other random numbers. Barriers are errors: points are hundredths, and a barrier is the error of the model in the middle minus
the mean error of the two full models. Written by \`fedstrata reproduce --out\`.

Settings are complete, as the code that ran has them; in backticks they are those of a run file. \`examples/reproduction/\` has them as
run files where \`simulate\` can do the same, and says where its numbers differ. Values between which pairs or runs differ
stand one below the other.

| | |
|---|---|
| verdicts | ${verdictsOf(checks)} |
| sizes | ${report.quick ? 'those of --quick' : 'full'} |
| FedStrata | ${report.version} |
| engine | ${engine.name} ${engine.version}, ${engine.device.description} |
| machine | ${report.machine} |
| Node | ${report.node} |
| finished | ${report.finished} |
| took | ${duration(report.seconds)} with ${report.workers} ${report.workers === 1 ? 'thread' : 'threads'} |

${checks.map(check => section(check, report.quick, command)).join('\n\n')}
`
}

/** Data sets whose folders are named by these words: a page says nothing of where they lie. */
const FOLDERS = { mnist: 'mnist', cifar10: 'cifar10' }

/** The settings of a check, between marks by which `withSettings` finds them. */
function settingsPart(id: string, quick: boolean): string {
  const [check] = checksNamed([id])
  return `<!-- settings: ${id} -->\n\n${settingsTable(check!, sizesOf(quick, FOLDERS))}\n\n<!-- end of settings -->`
}

/** A page of `reportPage` at full sizes with its settings as the code has them now, all else as it is. */
export function withSettings(page: string): string {
  return page.replaceAll(/<!-- settings: ([\w-]+) -->[\s\S]*?<!-- end of settings -->/g, (_, id: string) =>
    settingsPart(id, false),
  )
}

function section(check: CheckResult, quick: boolean, command: string): string {
  const { number, id, title, source, status, measurements, tables = [] } = check
  const parts = [
    `## ${number}. ${title}`,
    `${VERDICT[status]}. Source: ${source}. Again: \`${command} ${id}\``,
    settingsPart(id, quick),
    ...(check.skipped ? [`Skipped: ${check.skipped}.`] : []),
    ...(check.error ? [`Not run: ${check.error.code}: ${check.error.message}`] : []),
    ...(measurements.length > 0 ? [measured(measurements)] : []),
    ...tables.map(
      table =>
        `${table.title}:\n\n${markdown(
          table.header,
          table.rows.map(row => row.map(cell)),
        )}`,
    ),
  ]
  return parts.join('\n\n')
}

function measured(measurements: readonly Measurement[]): string {
  return markdown(
    ['measured', 'value', 'bound', 'reference', ''],
    measurements.map(({ name, value, bound, reference, ok }) => [
      name,
      readable(value),
      bound,
      reference ?? '',
      ok ? '✔' : '✘',
    ]),
  )
}

function cell(value: string | number): string {
  return typeof value === 'number' ? readable(value) : value
}

function markdown(header: Table['header'], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
