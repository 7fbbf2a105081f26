import type { FedError } from '../core/errors.ts'
import { EXIT_OF_OUTCOME, type ExitCode } from '../core/exit-codes.ts'
import type { OpenedRun, SimulationEnd, SimulationOptions } from '../main/simulate.ts'
import { plannedKinds } from '../rounds/barrier-heights.ts'
import { endsAgain } from '../rounds/ends-again.ts'
import type { RunFile } from '../rounds/run-file.ts'
import { divergences } from './divergence.ts'
import { describeError } from './error-report.ts'
import { storageWords } from './options.ts'
import { chooseView } from './progress/choose-view.ts'
import { runReport } from './report.ts'
import type { RunReport } from './report-schema.ts'
import { overModels } from './round-summary.ts'
import type { Stage } from './stage.ts'
import { colorsFor, isSilent, pairs, say, terminalWidth } from './terminal.ts'

export interface ConductedRun {
  readonly end: SimulationEnd
  readonly report: RunReport
  readonly exitCode: ExitCode
}

interface RunPlan {
  readonly name: string
  readonly rounds: number
  readonly workers: number
  readonly barriers: RunFile['barriers']
  start(options: SimulationOptions): Promise<SimulationEnd>
}

/** Runs one run to its end and shows it meanwhile; what it left in the database is the report. */
export async function conductRun(stage: Stage, plan: RunPlan): Promise<ConductedRun> {
  const { cli, coordinator, signal, environment } = stage
  const { name, rounds, workers } = plan
  const view = chooseView(cli, { logs: !isSilent(environment.LOG_LEVEL, 'silent') })
  const { url, database } = coordinator
  const onOpened = ({ id, joinToken }: OpenedRun) => {
    const { full, layer } = plannedKinds(plan.barriers)
    const barriers = { full, layers: layer[0] ?? null }
    view.begin({ id, name, rounds, workers, engine: stage.engine, database, url, barriers })
    if (workers === 0) say(cli, invitation(url, id, environment.FEDSTRATA_JOIN_TOKEN ?? joinToken))
  }
  const { voice } = stage
  const before = voice.say
  voice.say = view.say
  let end: SimulationEnd
  try {
    const engine = stage.flags.engine ?? environment.FEDSTRATA_ENGINE
    end = await plan.start({ workers, engine, signal, onOpened, onNotice: view.notice })
  } finally {
    voice.say = before
    view.end()
  }
  const report = await runReport(coordinator.store, coordinator.dataDir, end.run)
  const exitCode = EXIT_OF_OUTCOME[end.outcome]
  say(cli, ending(stage, report, rounds, end.error))
  if (end.error) say(cli, describeError(end.error))
  return { end, report: withError(report, end.error), exitCode }
}

function withError(report: RunReport, error: FedError | null): RunReport {
  return error && !report.error ? { ...report, error: { code: error.code, message: error.message } } : report
}

function invitation(url: string, run: string, joinToken: string): string {
  return `waiting for clients: FEDSTRATA_JOIN_TOKEN=${joinToken} fedstrata client --url ${url} --run ${run}`
}

/** How it ended; for a run that did not complete, how to go on. */
function ending({ cli, flags }: Stage, report: RunReport, rounds: number, error: FedError | null): string {
  const { runId, status, finalRound } = report
  const colors = colorsFor(cli.stderr, cli.variables)
  const last = report.rounds.findLast(round => round.accuracy !== null)
  const mean = overModels(last?.models)
  const accuracy =
    last?.accuracy == null
      ? ''
      : `, accuracy ${last.accuracy.toFixed(4)}${mean === undefined ? '' : ` (${mean})`} after round ${last.round}`
  const epsilon = report.rounds.at(-1)?.epsilon
  const privacy = epsilon == null ? '' : `, epsilon ${epsilon.toFixed(4)}`
  const word = status === 'completed' ? colors.green(status) : colors.yellow(status)
  const warnings = divergences(report).map(([title, sentence]) => colors.yellow(`${title}  ${sentence}`))
  const line = [`\n${word}  ${finalRound} of ${rounds} rounds${accuracy}${privacy}`, ...warnings].join('\n')
  const isOver = status === 'completed' || (error !== null && endsAgain(error))
  return isOver
    ? line
    : `${line}\n${pairs([['go on with', `fedstrata resume ${runId}${storageWords(flags)}`]], colors, terminalWidth(cli.stderr, cli.variables))}`
}

/** Where everything is, and what to type next. */
export function tellWhere({ cli, coordinator, flags }: Stage, { runId, modelFile, modelSha256 }: RunReport): void {
  const words = storageWords(flags)
  const rows: [string, string][] = [['database', coordinator.database]]
  if (modelFile) rows.push(['model', `${modelFile}  (sha256 ${modelSha256?.slice(0, 12)}…)`])
  rows.push(['look', `fedstrata runs show ${runId}${words}`])
  rows.push(['', `fedstrata runs export ${runId} barriers --format csv${words}`])
  rows.push(['', `fedstrata serve${words}`], ['', 'which answers at http://127.0.0.1:8080/docs'])
  say(cli, pairs(rows, colorsFor(cli.stderr, cli.variables), terminalWidth(cli.stderr, cli.variables)))
}
