import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { addressOf } from '../../clients/address.ts'
import { whyUnreachable } from '../../clients/unreachable.ts'
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
  readonly log: { info(fields: object, message: string): void }
}

/**
 * Waits until the coordinator has a run that goes on, and calls `join` with the newest; for clients that are started
 * before anyone knows a run's id, in containers say. A coordinator that cannot be reached may yet come up, and a run that
 * cannot be joined may be one that a killed coordinator left: both are waited for. A wrong token is thrown,
 * `tls_untrusted`, and `coordinator_not_found` where something else answers.
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
    const runs = await findRuns({ url, token, ca, signal })
    for (const run of typeof runs === 'string' ? [] : runs)
      try {
        return { run, outcome: await join(run) }
      } catch (error) {
        if (toFedError(error).code !== 'run_not_active') throw error
      }
    tell(typeof runs === 'string' ? `the coordinator cannot be reached yet: ${runs}` : 'waiting for a run')
    await wait(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  return { run: null, outcome: 'stopped' }
}

/** The runs that go on, newest first, or why there is no answer yet. Throws what will not pass. */
async function findRuns({
  url,
  token,
  ca,
  signal,
}: Omit<NewestRunOptions, 'log'>): Promise<readonly string[] | string> {
  const { origin, prefix } = addressOf(url)
  const asked = `${origin}${prefix}/api/v1/runs`
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await getJson(new URL(`${asked}?limit=100`), { headers, ca, signal }).catch((cause: unknown) => ({
    cause,
  }))
  if ('cause' in answer) return passing(whyUnreachable(asked, answer.cause))
  const { status, body } = answer
  const runs = runsSchema.safeParse(body)
  if (status === 200 && runs.success)
    return runs.data.items.filter(({ status }) => status === 'waiting' || status === 'running').map(({ id }) => id)
  const problem = problemSchema.safeParse(body)
  if (status < 500 && status !== 429 && problem.success)
    throw fromErrorBody(problem.data as Parameters<typeof fromErrorBody>[0])
  return passing(whyUnreachable(asked, status))
}

function passing(reason: string | FedError): string {
  if (reason instanceof FedError) throw reason
  return reason
}
