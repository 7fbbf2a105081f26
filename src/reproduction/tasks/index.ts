import { federate } from './federate.ts'
import { layoutOf, measure } from './measure.ts'
import { train } from './train.ts'

/** What a worker can be asked to compute: `(bench, request) → reply`, both plain data. To add one: its file, its line here. */
export const TASKS = { layout: layoutOf, train, measure, federate } as const

export type Tasks = typeof TASKS
export type TaskName = keyof Tasks
export type RequestOf<N extends TaskName> = Parameters<Tasks[N]>[1]
export type ReplyOf<N extends TaskName> = Awaited<ReturnType<Tasks[N]>>
