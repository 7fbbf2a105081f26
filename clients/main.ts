import { once } from 'node:events'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { z } from 'zod'
import { errorBody, FedError, toFedError } from '../src/core/errors.ts'
import { parseLogLevels } from '../src/core/log-levels.ts'
import { validate } from '../src/core/validate.ts'
import { readAuthority } from './authority.ts'
import { noopTrainer } from './noop-trainer.ts'
import { type ClientOptions, runClient } from './worker.ts'

/**
 * A client process on its own: `node dist/clients/main.js --url http://… --run ID --clients 4`, the join token in
 * FEDSTRATA_JOIN_TOKEN. It ends with the run: exit code 0 when the run completed or was stopped, 1 when it failed, 2 when
 * this process may not or cannot take part, 130 when it was interrupted. With --standby it loads what it needs and gets
 * url, run and token as one IPC message. A process started with an IPC channel tells its
 * parent the end as one message, and does not outlive it.
 */
const optionsSchema = z.strictObject({
  url: z.url(),
  run: z.string().min(1),
  token: z.string().min(1, 'expected the join token of the run: --token, or FEDSTRATA_JOIN_TOKEN'),
  clients: z.coerce.number().int().min(1).default(1),
  process: z.string().optional(),
  ca: z.string().optional(),
  'data-dir': z.string().optional(),
  engine: z.string().optional(),
  noop: z.boolean().default(false),
})

/** What a process on standby is sent when there is a run for it. */
const joinSchema = z.strictObject({
  url: z.url(),
  run: z.string().min(1),
  token: z.string().min(1),
  engine: z.string().min(1),
})

export type EndMessage =
  | { readonly type: 'ended'; readonly outcome: string }
  | { readonly type: 'failed'; readonly error: ReturnType<typeof errorBody> }

const levels = parseLogLevels(process.env['LOG_LEVEL'] || 'info')
const wanted = typeof levels === 'string' ? undefined : (levels.of.client ?? levels.level)
const log = pino({ name: 'client', level: wanted ?? 'info' }, pino.destination({ dest: 2, sync: true }))

async function main(): Promise<number> {
  const stop = new AbortController()
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, () => stop.abort())
  try {
    if (typeof levels === 'string')
      throw new FedError('input_invalid', { issues: [{ path: 'LOG_LEVEL', message: levels }] })
    const options = await readOptions(stop.signal)
    if (options === null) return 130
    const outcome = await runClient({ ...options, signal: stop.signal, log })
    await tell({ type: 'ended', outcome })
    if (stop.signal.aborted) return 130
    return outcome === 'failed' ? 1 : 0
  } catch (thrown) {
    const error = toFedError(thrown)
    log.error({ code: error.code, ...(error.code === 'internal' && { err: thrown }) }, error.message)
    await tell({ type: 'failed', error: errorBody(error) })
    return exitCode(error)
  }
}

const string = { type: 'string' } as const
const argumentsTaken = {
  url: string,
  run: string,
  token: string,
  clients: string,
  process: string,
  ca: string,
  'data-dir': string,
  engine: string,
  noop: { type: 'boolean' },
  standby: { type: 'boolean' },
} as const

function readArguments() {
  try {
    return parseArgs({ options: argumentsTaken }).values
  } catch (cause) {
    throw toFedError(cause, 'input_invalid')
  }
}

/** null when the process was dismissed before there was a run for it. */
async function readOptions(dismissed: AbortSignal): Promise<Omit<ClientOptions, 'signal' | 'log'> | null> {
  const { standby, ...values } = readArguments()
  const token = values.token ?? process.env['FEDSTRATA_JOIN_TOKEN'] ?? ''
  const sent = standby ? await sentForth(dismissed, values.noop ?? false) : {}
  if (sent === null) return null
  const options = validate(optionsSchema, { token, ...values, ...sent })
  return {
    url: options.url,
    run: options.run,
    token: options.token,
    slots: options.clients,
    process: options.process,
    ca: options.ca === undefined ? undefined : await readAuthority(options.ca),
    dataDir: options['data-dir'],
    engine: options.engine,
    ...(options.noop && { trainer: noopTrainer }),
  }
}

/** Waits for the run to join, and loads meanwhile what training needs: the libraries, and the data if it is told which. */
async function sentForth(dismissed: AbortSignal, noop: boolean): Promise<z.output<typeof joinSchema> | null> {
  const training = noop ? null : import('./model-trainer.ts')
  for (;;) {
    const message = await once(process, 'message', { signal: dismissed }).catch(() => null)
    if (message === null) return null
    const { data, ...join } = message[0] as { readonly data?: unknown }
    if (data === undefined) return validate(joinSchema, join)
    void training?.then(({ preload }) => preload(data)).catch(() => undefined) // what is wrong is said when it is needed
  }
}

function exitCode({ code }: FedError): number {
  return code === 'internal' || code === 'client_failed' ? 1 : 2
}

/** Resolves when the message has left: what is still in the channel when it closes is lost. */
function tell(message: EndMessage): Promise<void> {
  return new Promise(resolve => {
    if (process.connected && process.send) process.send(message, () => resolve())
    else resolve()
  })
}

process.exitCode = await main()
// The IPC channel would keep a process alive that has nothing left to do.
if (process.connected) process.disconnect()
