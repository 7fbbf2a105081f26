import type { BarrierColumns } from '../barrier-columns.ts'

/** What is known when a run begins. */
export interface RunIntroduction {
  readonly id: string
  readonly name: string
  readonly rounds: number
  readonly engine: string
  /** Client processes started here. */
  readonly workers: number
  readonly database: string
  /** Of the REST API, e.g. "http://127.0.0.1:41000". */
  readonly url: string
  /** What each round will measure. */
  readonly barriers: BarrierColumns
}

/** The lines above the rounds. */
export function introduction(run: RunIntroduction): readonly (readonly [string, string])[] {
  const { id, name, rounds, engine, workers, database, url } = run
  const clients = workers === 0 ? 'client processes from elsewhere' : counted(workers, 'client process', 'es')
  return [
    ['run', `${id}  ${name}: ${counted(rounds, 'round', 's')}, ${clients}, engine ${engine}`],
    ['database', database],
    ['REST', `${url}/api/v1/runs/${id}`],
  ]
}

function counted(count: number, noun: string, ending: string): string {
  return `${count} ${noun}${count === 1 ? '' : ending}`
}
