import { randomUUID } from 'node:crypto'
import { errorBody, FedError, toFedError } from '../src/core/errors.ts'
import { validate } from '../src/core/validate.ts'
import { readAck } from '../src/protocol/ack.ts'
import { type Log, silent } from '../src/protocol/log.ts'
import {
  handshakeSchema,
  type Inputs,
  PROTOCOL_VERSION,
  type RunOpen,
  withdrawSchema,
} from '../src/protocol/messages.ts'
import { createWindow } from '../src/protocol/window.ts'
import type { RunOutcome } from '../src/rounds/ports.ts'
import { type Backoff, DEFAULT_BACKOFF, pause } from './backoff.ts'
import { type Connection, connect } from './connection.ts'
import { createInbox, type Inbox, type ReceivedTask } from './inbox.ts'
import { createOutbox, type Given, type Link } from './outbox.ts'
import { taskQueue } from './tasks.ts'
import type { PrepareTrainer, Trainer } from './trainer.ts'

export interface ClientOptions {
  /** The coordinator, e.g. http://127.0.0.1:8080. */
  readonly url: string
  readonly run: string
  readonly token: string
  /** Tasks taken in hand at a time; they are done one after another. */
  readonly slots?: number
  /** Name of this process, unique in the run and kept over reconnects; random when left out. */
  readonly process?: string | undefined
  /** Certificates of the authority that the coordinator's comes from, PEM; the public ones when left out. */
  readonly ca?: Buffer | undefined
  readonly dataDir?: string | undefined
  readonly engine?: string | undefined
  /** In place of the run's own model and data. */
  readonly trainer?: PrepareTrainer
  readonly backoff?: Backoff
  readonly signal?: AbortSignal
  readonly log?: Log
}

/**
 * A client process: joins a run, does the tasks it is given, one at a time, and sends back what became of them. Comes
 * back after every lost connection, for as long as the run lasts, and sends again what was not acknowledged.
 *
 * Resolves with the outcome of the run, `stopped` when `signal` fires. Rejects with `token_missing`, `token_invalid`,
 * `token_expired`, `token_revoked`, `run_not_active`, `protocol_mismatch` when it may not join, `tls_untrusted`, `run_conflict` when another process takes its name,
 * `input_invalid` for options that cannot be meant, and whatever keeps it from training at all: `data_missing`,
 * `data_mismatch`, `model_mismatch`, `engine_unavailable`, `layout_mismatch`, … What goes wrong with a single task is told to
 * the coordinator instead.
 */
export async function runClient({
  url,
  run,
  token,
  slots = 1,
  process = `process-${randomUUID()}`,
  ca,
  dataDir,
  engine,
  trainer: prepare,
  backoff = DEFAULT_BACKOFF,
  signal = new AbortController().signal,
  log = silent,
}: ClientOptions): Promise<RunOutcome> {
  if (signal.aborted) return 'stopped'
  const handshake = validate(handshakeSchema, { protocol: PROTOCOL_VERSION, run, token, process, slots })
  let inputs: Promise<Inputs> | null = null
  let trainer: Promise<Trainer> | null = null
  let inbox: Inbox | null = null
  let connection: Connection | null = null
  let onAbort = () => {}

  const outbox = createOutbox({ log, pause: (attempt, lost) => pause(backoff, attempt, lost) })
  const tasks = taskQueue<ReceivedTask>(async (task, withdrawn) => {
    const ready = await trainer?.catch(() => null)
    if (!ready) return // nothing can be trained here: the process is leaving, and its tasks go to others
    try {
      const start = performance.now()
      const result = await ready.train(task, withdrawn)
      if (withdrawn.aborted) result.release?.()
      else outbox.add(givenOf(task), { ...result, trainMs: performance.now() - start })
    } catch (thrown) {
      if (!withdrawn.aborted) outbox.add(givenOf(task), toFedError(thrown, 'client_failed'))
    }
  })

  try {
    return await new Promise<RunOutcome>((resolve, reject) => {
      onAbort = () => resolve('stopped')
      signal.addEventListener('abort', onAbort)
      connection = connect(url, handshake, {
        backoff,
        log,
        ca,
        events: {
          joined(open, lost) {
            log.info({ run, process, slots }, 'joined')
            inbox = createInbox(open, () => tasks.size === 0 && outbox.isIdle)
            outbox.connect(linkOf(connection!, open, lost))
            // Before the trainer, which takes the engine: tasks are on their way while that is made ready.
            inputs ??= prepare ? Promise.resolve(open.inputs) : loadInputs(open, { dataDir })
            const shown = inputs.then(have => show(connection!, open, have))
            shown.catch(reject)
            if (trainer) return
            trainer = (prepare ?? loadModelTrainer)(open, { dataDir, engine, log })
            // That its data are others says more than what these make of the model.
            trainer.catch(error => shown.then(() => reject(error), reject))
          },
          ended({ outcome, message }) {
            log.info({ run, outcome, message }, 'the run has ended')
            resolve(outcome)
          },
          refused: reject,
        },
      })
      listen(connection)
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
    ;(connection as Connection | null)?.close()
    await tasks.close()
    await (trainer as Promise<Trainer> | null)?.then(
      ready => ready.dispose(),
      () => {},
    )
  }

  function listen({ socket }: Connection): void {
    socket.on('round:global', (header, chunk, answer) =>
      answered(answer, () => requireJoined(inbox).global(header, chunk)),
    )
    socket.on('round:task', (header, chunk, answer) =>
      answered(answer, () => {
        const task = requireJoined(inbox).task(header, chunk)
        // A task that was done already is answered from what is known; a result is the same in every attempt.
        if (task && !outbox.again(givenOf(task))) tasks.add(task)
      }),
    )
    socket.on('round:withdraw', body => {
      const { success, data: name } = withdrawSchema.safeParse(body)
      if (!success) return
      inbox?.drop(name)
      outbox.remove(name)
      tasks.cancel(name)
    })
  }
}

const loadInputs: typeof import('./inputs.ts')['inputsOf'] = async (open, options) => {
  const { inputsOf } = await import('./inputs.ts')
  return await inputsOf(open, options)
}

/** Shows what this process has. Throws `data_mismatch` and `model_mismatch` where the coordinator has something else. */
async function show({ socket }: Connection, { run }: RunOpen, inputs: Inputs): Promise<void> {
  const ack = await socket.emitWithAck('run:inputs', { run, ...inputs }).catch(() => null) // lost: shown on the next one
  if (ack) readAck(ack)
}

/** TF.js is loaded when there is something to train: a process that is refused, or only echoes, starts without. */
const loadModelTrainer: PrepareTrainer = async (open, options) => {
  const { modelTrainer } = await import('./model-trainer.ts')
  return await modelTrainer(open, options)
}

function linkOf({ socket }: Connection, open: RunOpen, signal: AbortSignal): Link {
  return {
    open,
    signal,
    window: createWindow(open.limits.window),
    offer: header => socket.emitWithAck('round:offer', header),
    update: (header, chunk) => socket.emitWithAck('round:update', header, chunk),
    refuse: header => socket.emitWithAck('round:refuse', header),
  }
}

function answered(answer: (ack: never) => void, act: () => void): void {
  const reply = answer as (ack: unknown) => void
  try {
    act()
    reply({ ok: true, data: null })
  } catch (thrown) {
    reply({ ok: false, error: errorBody(toFedError(thrown)) })
  }
}

function requireJoined(inbox: Inbox | null): Inbox {
  if (inbox) return inbox
  throw new FedError('message_invalid', { expected: 'nothing before the run was joined' })
}

function givenOf({ round, attempt, client, atOnce }: ReceivedTask): Given {
  return { round, attempt, client, atOnce }
}
