import { align } from './align.ts'
import { average } from './average.ts'
import { barriers, curvature, directions, features } from './compare.ts'
import { federate } from './federate.ts'
import { noise } from './noise.ts'
import { layout, train } from './train.ts'

/** What a worker can be asked to compute: `(bench, request) → reply`, both plain data. To add one: its file, its line here. */
export const TASKS = {
  layout,
  train,
  barriers,
  directions,
  curvature,
  features,
  align,
  average,
  federate,
  noise,
} as const

export type Tasks = typeof TASKS
export type TaskName = keyof Tasks
export type RequestOf<N extends TaskName> = Parameters<Tasks[N]>[1]
export type ReplyOf<N extends TaskName> = Awaited<ReturnType<Tasks[N]>>
