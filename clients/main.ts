import { on } from 'node:events'
import { homedir } from 'node:os'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { z } from 'zod'
import { ERROR_CODES } from '../src/core/error-codes.ts'
import { errorBody, FedError, toFedError } from '../src/core/errors.ts'
import { EXIT, EXIT_OF_OUTCOME, type ExitCode } from '../src/core/exit-codes.ts'
import { inHome } from '../src/core/home-path.ts'
import { parseLogLevels } from '../src/core/log-levels.ts'
import { validate } from '../src/core/validate.ts'
import { type EndMessage, type JoinOrder, joinOrderSchema } from '../src/protocol/standby.ts'
import { readAuthority } from './authority.ts'
import { noopTrainer } from './noop-trainer.ts'
import { type ClientOptions, runClient } from './worker.ts'

/**
 * A client process on its own: `node dist/clients/main.js --url http://… --run ID --clients 4`, the join token in
 * FEDSTRATA_JOIN_TOKEN. It ends with the run: exit code 0 when the run completed, 130 when it was stopped or this process
 * interrupted, 1 when it failed; for an error, that of its code, 2 where this process may not take part. With --standby it
 * loads what it needs, gets url, run and token as one IPC message, and waits for the next run when that one is over. A
 * process started with an IPC channel tells its parent the end as one message, and does not outlive it.
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

const levels = parseLogLevels(process.env['LOG_LEVEL'] || 'info')
const wanted = typeof levels === 'string' ? undefined : (levels.of.client ?? levels.level)
const log = pino({ name: 'client', level: wanted ?? 'info' }, pino.destination({ dest: 2, sync: true }))

async function main(): Promise<ExitCode> {
  const stop = new AbortController()
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, () => stop.abort())
  try {
    if (typeof levels === 'string')
      throw new FedError('input_invalid', { issues: [{ path: 'LOG_LEVEL', message: levels }] })
    const { standby, ...values } = readArguments()
    if (!standby) return await takePart(values, stop.signal)
    for await (const order of orders(stop.signal, values.noop ?? false))
      await takePart({ ...values, ...order }, stop.signal)
    return EXIT.interrupted
  } catch (thrown) {
    const error = toFedError(thrown)
    log.error({ code: error.code, ...(error.code === 'internal' && { err: thrown }) }, error.message)
    await tell({ type: 'failed', error: errorBody(error) })
    return ERROR_CODES[error.code].exit
  }
}

/** One run, to its end. */
async function takePart(values: object, signal: AbortSignal): Promise<ExitCode> {
  const outcome = await runClient({ ...(await optionsOf(values)), signal, log })
  await tell({ type: 'ended', outcome })
  return EXIT_OF_OUTCOME[outcome]
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

async function optionsOf(values: object): Promise<Omit<ClientOptions, 'signal' | 'log'>> {
  const token = process.env['FEDSTRATA_JOIN_TOKEN'] ?? ''
  const options = validate(optionsSchema, { token, ...values })
  return {
    url: options.url,
    run: options.run,
    token: options.token,
    slots: options.clients,
    process: options.process,
    ca: options.ca === undefined ? undefined : await readAuthority(inHome(options.ca, homedir())),
    dataDir: options['data-dir'] && inHome(options['data-dir'], homedir()),
    engine: options.engine,
    ...(options.noop && { trainer: noopTrainer }),
  }
}

/**
 * The runs that a process on standby is sent into, one after the other, until it is dismissed. It loads meanwhile what
 * training needs: the libraries, and the data if it is told which.
 */
async function* orders(dismissed: AbortSignal, noop: boolean): AsyncGenerator<JoinOrder> {
  const inputs = noop ? null : import('./inputs.ts')
  if (!noop) void import('./model-trainer.ts').catch(() => undefined)
  try {
    for await (const [message] of on(process, 'message', { signal: dismissed })) {
      const { data, ...order } = message as { readonly data?: unknown }
      if (data === undefined) yield validate(joinOrderSchema, order)
      else void inputs?.then(({ preload }) => preload(data)).catch(() => undefined) // what is wrong is said when it is needed
    }
  } catch (thrown) {
    if (!dismissed.aborted) throw thrown
  }
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
