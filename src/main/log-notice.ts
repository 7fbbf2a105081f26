import type { Logger } from 'pino'
import { errorBody } from '../core/errors.ts'
import type { RunNotice } from '../rounds/ports.ts'

/** One line a round, a warning and a change of status; progress only for those who debug. */
export function logNotice(log: Logger, notice: RunNotice): void {
  const { run } = notice
  if (notice.type === 'status')
    log.info({ run, status: notice.status, error: notice.error && errorBody(notice.error) }, 'run')
  if (notice.type === 'progress') log.debug(notice, 'progress')
  if (notice.type === 'warning') log.warn({ run, round: notice.round }, notice.message)
  if (notice.type === 'probe') {
    const { probe, status, done, total, error } = notice.probe
    log[status === 'running' ? 'debug' : 'info']({ run, probe, status, done, total, error }, 'probe')
  }
  if (notice.type !== 'round') return
  const { round, loss, accuracy, clients, diverged, durationMs, phases } = notice.record
  const { trainingDiverged } = notice
  const isSound = !diverged && !trainingDiverged
  const broken = isSound ? {} : { diverged, trainingDiverged }
  log[isSound ? 'info' : 'warn']({ run, round, loss, accuracy, clients, ...broken, durationMs, phases }, 'round')
}
