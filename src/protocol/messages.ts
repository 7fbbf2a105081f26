import { z } from 'zod'
import { ERROR_CODES } from '../core/error-codes.ts'
import type { ErrorBody, ErrorCode } from '../core/errors.ts'

/**
 * What coordinator and client processes say to each other over Socket.IO. A message is a JSON header, checked here, and
 * at most one binary body of little-endian float32: the segments that the header lists, back to back. docs/protocol.md
 * tells the same as prose.
 */
export const PROTOCOL_VERSION = 3

const index = z.int().nonnegative()
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const digest = z.string().regex(/^[0-9a-f]{16}$/)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const duration = z.number().nonnegative()

/** A named run of float32 values inside a body: "block/fc1" is a layer block, "momentum/fc1" optimizer memory, "control/fc1" an extra. */
export const segmentSchema = z.strictObject({ name: z.string().min(1).max(200), size: z.int().positive() })

/** Which bytes of a body a message carries; a body larger than one chunk comes as several messages, in order. */
export const partSchema = z.strictObject({ offset: index, total: index })

/** `socket.handshake.auth`: who wants in, to which run, with which token. */
export const handshakeSchema = z.strictObject({
  protocol: z.int(),
  run: id,
  token: z.string().max(200),
  /** Chosen by the process and kept over reconnects; of two live sockets with one name the newer wins. */
  process: id,
  /** How many tasks the process takes in hand at a time. */
  slots: z.int().min(1).max(10_000),
})

export const limitsSchema = z.strictObject({
  /** Largest body of one message. */
  chunkBytes: z.int().positive(),
  /** Messages of one body that may be unacknowledged. */
  window: z.int().positive(),
  /** Largest whole body of an update. */
  maxUpdateBytes: z.int().positive(),
})

/** What one side would train on, as digests: equal on both sides, or the clients would train another network, or on other data. */
export const inputsSchema = z.strictObject({
  /** Of the data set: `dataDigest` of src/data. */
  data: sha256,
  /** Of the files that the model comes from; null for a model that the run file describes completely. */
  model: sha256.nullable(),
})

/** `run:inputs`: the process has what it needs. It is given tasks from then on. */
export const inputsHeaderSchema = z.strictObject({ run: id, ...inputsSchema.shape })

/** Reply to `run:join`. */
export const runOpenSchema = z.strictObject({
  run: id,
  runFile: z.record(z.string(), z.unknown()),
  layout: digest,
  /** The coordinator's. */
  inputs: inputsSchema,
  /** Blocks that some layer rule averages in some round: what `round:global` carries, in this order. */
  shared: z.array(segmentSchema),
  limits: limitsSchema,
})

/** The round's global blocks: once to each process and round, before its first task. */
export const globalHeaderSchema = z.strictObject({
  run: id,
  round: index,
  layout: digest,
  /** What all clients are told besides, after the shared blocks. */
  extras: z.array(segmentSchema).optional(),
  part: partSchema,
})

/** One client's task in one attempt at a round: what every message about it begins with. */
const taskKey = { run: id, round: index, attempt: z.int().positive(), client: index }

export const taskHeaderSchema = z.strictObject({
  ...taskKey,
  layout: digest,
  /** The body: what this client has of its own. Blocks named here override the global ones. */
  segments: z.array(segmentSchema),
  /** Blocks that the client initialises from its own random stream: it has none yet, and starts are independent. */
  initialise: z.array(z.string()),
  /** Blocks to send back: those averaged in this round, and those that the coordinator keeps for the client. */
  reply: z.array(z.string()),
  /** To send back too, after the blocks and in this order: "control/fc1". */
  extras: z.array(segmentSchema).optional(),
  /** What the update has to count: the client's training examples, or 1 where they are nobody's business. */
  numExamples: z.int().positive(),
  /** The update may come as soon as it is there, however large: it need not be offered. */
  atOnce: z.boolean().optional(),
  part: partSchema,
})

export const updateHeaderSchema = z.strictObject({
  ...taskKey,
  layout: digest,
  segments: z.array(segmentSchema),
  numExamples: z.number(),
  /** trainLoss: nats per example, mean over the last local epoch; null from a client that keeps it to itself. */
  metrics: z.strictObject({ trainLoss: z.number().nullable(), steps: index, trainMs: duration }),
  part: partSchema,
})

/** A large update that may not come at once is offered before it is sent: the coordinator answers when it has time for it, or refuses it at once. */
export const offerHeaderSchema = z.strictObject({
  ...taskKey,
  /** Of the whole body. */
  bytes: index,
})

/** The client could not do its task; `code` becomes the reason in the round's record. */
export const refusalHeaderSchema = z.strictObject({
  ...taskKey,
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(2000),
})

export const withdrawSchema = z.strictObject({ run: id, round: index, client: index })

export const runEndSchema = z.strictObject({
  run: id,
  outcome: z.enum(['completed', 'stopped', 'failed']),
  message: z.string().optional(),
})

export const runReplacedSchema = z.strictObject({ run: id })

export type Segment = z.infer<typeof segmentSchema>
export type Part = z.infer<typeof partSchema>
export type Handshake = z.infer<typeof handshakeSchema>
export type Inputs = z.infer<typeof inputsSchema>
export type InputsHeader = z.infer<typeof inputsHeaderSchema>
export type Limits = z.infer<typeof limitsSchema>
export type RunOpen = z.infer<typeof runOpenSchema>
export type GlobalHeader = z.infer<typeof globalHeaderSchema>
export type TaskHeader = z.infer<typeof taskHeaderSchema>
export type UpdateHeader = z.infer<typeof updateHeaderSchema>
export type OfferHeader = z.infer<typeof offerHeaderSchema>
export type RefusalHeader = z.infer<typeof refusalHeaderSchema>
export type Withdraw = z.infer<typeof withdrawSchema>
export type RunEnd = z.infer<typeof runEndSchema>
export type RunReplaced = z.infer<typeof runReplacedSchema>

/** Every request is answered, after the decision: with data, or with a typed error. */
export type Ack<T> =
  | { readonly ok: true; readonly data: T }
  /** `round`: the one that the coordinator is in, if it is in any. */
  | { readonly ok: false; readonly error: ErrorBody; readonly round?: number }
export type Answer<T> = (reply: Ack<T>) => void

/** `more`: send the next part. `counted`: the update is in. `duplicate`: it already was, and counts once. */
export interface UpdateReply {
  readonly status: 'more' | 'counted' | 'duplicate'
  /** The round that the coordinator is in. */
  readonly round: number
}

export interface ServerToClient {
  /** null stands for an empty body. */
  'round:global': (header: GlobalHeader, body: Uint8Array | null, answer: Answer<null>) => void
  'round:task': (header: TaskHeader, body: Uint8Array | null, answer: Answer<null>) => void
  'round:withdraw': (body: Withdraw) => void
  'run:end': (body: RunEnd) => void
  /** A newer connection took over this process's name: the older one must not come back. */
  'run:replaced': (body: RunReplaced) => void
}

export interface ClientToServer {
  'run:join': (answer: Answer<RunOpen>) => void
  /** After every join, as soon as the data set is loaded. Refused with `data_mismatch` or `model_mismatch`: no task will come. */
  'run:inputs': (header: InputsHeader, answer: Answer<null>) => void
  'round:offer': (header: OfferHeader, answer: Answer<null>) => void
  'round:update': (header: UpdateHeader, body: Uint8Array, answer: Answer<UpdateReply>) => void
  'round:refuse': (header: RefusalHeader, answer: Answer<null>) => void
}
