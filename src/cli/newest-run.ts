import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { z } from 'zod'
import { untrusted } from '../../clients/authority.ts'
import { FedError, fromErrorBody, toFedError } from '../core/errors.ts'
import { runRecordSchema } from '../core/records.ts'
import type { RunOutcome } from '../rounds/ports.ts'
import { getJson } from './get-json.ts'

const POLL_MS = 1000

const runsSchema = z.object({ items: z.array(runRecordSchema.pick({ id: true, status: true })) })
const problemSchema = z.object({ code: z.string(), message: z.string().optional(), hint: z.string().optional() })

export interface NewestRunOptions {
  readonly url: string
  /** Bearer token of REST. */
  readonly token: string | undefined
  /** Certificates to trust in place of the public authorities', PEM. */
  readonly ca?: Buffer | undefined
  readonly signal: AbortSignal
  readonly log: Pick<Logger, 'info'>
}

/**
 * Waits until the coordinator has a run that goes on, and calls `join` with the newest; for clients that are started
 * before anyone knows a run's id, in containers say. A coordinator that cannot be reached may yet come up, and a run that
 * cannot be joined may be one that a killed coordinator left: both are waited for. A wrong token is thrown, and
 * `tls_untrusted`.
 */
export async function newestRun(
  { url, token, ca, signal, log }: NewestRunOptions,
  join: (run: string) => Promise<RunOutcome>,
): Promise<{ readonly run: string | null; readonly outcome: RunOutcome }> {
  let said = ''
  const tell = (line: string) => {
    if (line !== said) log.info({ url }, line)
    said = line
  }
  while (!signal.aborted) {
    const runs = await findRuns({ url, token, ca, signal }).catch((error: unknown) => {
      const final = error instanceof FedError ? error : untrusted(error)
      if (final) throw final
      return null
    })
    for (const run of runs ?? [])
      try {
        return { run, outcome: await join(run) }
      } catch (error) {
        if (toFedError(error).code !== 'run_not_active') throw error
      }
    tell(runs === null ? 'the coordinator cannot be reached yet' : 'waiting for a run')
    await wait(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  return { run: null, outcome: 'stopped' }
}

/** The runs that go on, newest first. Throws the coordinator's refusals; any other trouble may pass. */
async function findRuns({ url, token, ca, signal }: Omit<NewestRunOptions, 'log'>): Promise<readonly string[]> {
  if (!URL.canParse(url))
    throw new FedError('input_invalid', { expected: 'an address like http://127.0.0.1:8080', received: url })
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const { status, body } = await getJson(new URL('/api/v1/runs?limit=100', url), { headers, ca, signal })
  if (status !== 200) {
    const problem = problemSchema.safeParse(body)
    if (status < 500 && status !== 429 && problem.success)
      throw fromErrorBody(problem.data as Parameters<typeof fromErrorBody>[0])
    throw new Error(`status ${status}`)
  }
  const { items } = runsSchema.parse(body)
  return items.filter(({ status }) => status === 'waiting' || status === 'running').map(({ id }) => id)
}
