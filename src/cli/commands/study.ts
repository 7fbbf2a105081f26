import { Command } from 'commander'
import { EXIT_OF_OUTCOME } from '../../core/exit-codes.ts'
import type { StudyEnd, StudyProgress } from '../../main/study.ts'
import type { Store } from '../../rounds/ports.ts'
import type { StudyRun } from '../../rounds/study.ts'
import { describeError } from '../error-report.ts'
import { pathOf, setOption } from '../options.ts'
import { requireWritable, writeOut } from '../out-file.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import type { StudyCell } from '../study-text.ts'
import { type Cli, say, write } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type RunFileFlags } from './simulate.ts'

interface Flags extends RunFileFlags {
  readonly figure?: string
}

export function studyCommand(cli: Cli): Command {
  const command = new Command('study')
    .description(
      'run one run file in every combination of variants, conditions and seeds; run it again to continue where it stopped',
    )
    .argument('<file>', 'study, YAML or JSON', pathOf)
    .option('--figure <file>', 'also draw local and global accuracy as SVG to this file', pathOf)
    .addOption(setOption())
  return addSimulationOptions(command).action(async (file: string, flags: Flags) => {
    if (flags.figure !== undefined) await requireWritable(flags.figure, '--figure', 'svg')
    const { loadStudy } = await import('../study-source.ts')
    const { study, plan } = await loadStudy(file, flags.set)
    const { parseRunFile } = await import('../../rounds/run-file.ts')
    const { runStudy } = await import('../../main/study.ts')
    const first = parseRunFile(plan[0]!.runFile)
    const workers = flags.workers ?? defaultWorkers(first.clients.perRound)
    const conduct = async (stage: Stage) => {
      const { coordinator, signal, standby, environment } = stage
      const engine = flags.engine ?? environment.FEDSTRATA_ENGINE
      const onRun = (progress: StudyProgress) => say(cli, lineOf(progress, plan.length))
      const { outcome, runs, failed, error } = await runStudy(coordinator, plan, {
        workers,
        engine,
        signal,
        standby,
        onRun,
      })
      const cells = await cellsOf(coordinator.store, runs)
      if (flags.figure !== undefined) {
        const { studyFigure } = await import('../../figures/study.ts')
        const { name, axis, seeds } = study
        const [variants, conditions] = [Object.keys(study.variants), Object.keys(study.conditions)]
        const svg = studyFigure({ name, axis, seeds: seeds.length, variants, conditions, cells })
        await writeOut(flags.figure, svg, '--figure')
      }
      if (flags.json)
        await cli.print({
          study: study.name,
          status: outcome,
          cells,
          failed: failed.map(failedRun),
          database: coordinator.database,
        })
      else {
        const { studyTable } = await import('../study-text.ts')
        await write(cli.stdout, cells.length === 0 ? '' : studyTable(cells, study.axis))
      }
      const { failuresText } = await import('../study-text.ts')
      for (const text of failuresText(failed)) say(cli, text)
      if (error) say(cli, describeError(error))
      if (flags.serve) await keepServing(stage)
      return EXIT_OF_OUTCOME[outcome]
    }
    await onStage(cli, flags, conduct, { workers, firstRun: first })
  })
}

/** Each combination over its seeds. */
async function cellsOf(store: Store, runs: readonly (StudyRun & { readonly run: string })[]): Promise<StudyCell[]> {
  const { compareRuns } = await import('../../rounds/comparison.ts')
  const { groupBy } = await import('../../core/group-by.ts')
  const combinations = groupBy(runs, ({ variant, condition }) => JSON.stringify([variant, condition]))
  const cells: StudyCell[] = []
  for (const members of combinations.values()) {
    const { variant, condition } = members[0]!
    const { groups } = await compareRuns(store, members.map(({ run }) => run)) // biome-ignore format: one line
    const { name: _, values: __, ...group } = groups[0]!
    cells.push({ variant, condition, ...group })
  }
  return cells
}

function lineOf({ planned, number, end, known }: StudyProgress, total: number): string {
  const { variant, condition, seed } = planned
  const how = known ? 'already done' : end.outcome
  const which = end.run ?? end.error?.code ?? ''
  return `${String(number).padStart(String(total).length)}/${total}  ${variant}, ${condition}, seed ${seed}: ${how}  ${which}`
}

function failedRun({ variant, condition, seed, run, error }: StudyEnd['failed'][number]) {
  return { variant, condition, seed, run, ...(error && { error: { code: error.code, message: error.message } }) }
}
