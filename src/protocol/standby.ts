import { z } from 'zod'
import type { ErrorBody } from '../core/errors.ts'

/** What a process sends to its children that are client processes on standby, and what they say, over Node's IPC. */
export const joinOrderSchema = z.strictObject({
  url: z.url(),
  run: z.string().min(1),
  token: z.string().min(1),
  /** The coordinator's, so that the same run computes on the same engine everywhere. */
  engine: z.string().min(1),
})

/** A run to take part in. */
export type JoinOrder = Readonly<z.output<typeof joinOrderSchema>>

/** The data set of the run to come, to be loaded while there is none yet. */
export interface DataNotice {
  readonly data: unknown
}

/** How a run ended for a client process. After `failed` it leaves for good. */
export type EndMessage =
  | { readonly type: 'ended'; readonly outcome: string }
  | { readonly type: 'failed'; readonly error: ErrorBody }
