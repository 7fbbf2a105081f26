import { aggregation } from './aggregation.ts'
import { alignment } from './alignment.ts'
import { coldStart } from './cold-start.ts'
import { engines } from './engines.ts'
import { largeModel } from './large-model.ts'
import { load } from './load.ts'
import { memory } from './memory.ts'
import { noop } from './noop.ts'
import { probe } from './probe.ts'
import { rest } from './rest.ts'
import { strategies } from './strategies.ts'
import { workers } from './workers.ts'
import { workloads } from './workloads.ts'

export interface Bench {
  readonly what: string
  run(): Promise<Readonly<Record<string, string>>>
}

export const benches: Readonly<Record<string, Bench>> = {
  coldStart,
  noop,
  rest,
  memory,
  load,
  largeModel,
  aggregation,
  strategies,
  alignment,
  engines,
  probe,
  workers,
  workloads,
}
