import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RunNotice } from '../../rounds/ports.ts'

/** What Prometheus is told. Times are seconds, as its conventions want. */
export interface ServerMetrics {
  readonly registry: Registry
  readonly httpSeconds: Histogram<'method' | 'route' | 'status'>
  readonly eventStreams: Gauge
  readonly rounds: Counter
  readonly roundSeconds: Histogram
  readonly phaseSeconds: Counter<'phase'>
  readonly updates: Counter<'status'>
  readonly runEnds: Counter<'status'>
  readonly activeRuns: Gauge
  readonly clientProcesses: Gauge
  readonly bytes: Counter<'direction'>
}

/** A registry of its own, so that two servers in one process do not add up. */
export function createServerMetrics(registry: Registry = new Registry()): ServerMetrics {
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const named = (name: string, help: string) => ({ name: `fedstrata_${name}`, help, registers })
  return {
    registry,
    httpSeconds: new Histogram({
      ...named('http_request_duration_seconds', 'Time to answer an HTTP request; event streams are not counted'),
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
    }),
    eventStreams: new Gauge(named('event_streams', 'Open event streams')),
    rounds: new Counter(named('rounds_total', 'Complete rounds')),
    roundSeconds: new Histogram({
      ...named('round_duration_seconds', 'Time of a complete round'),
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    }),
    phaseSeconds: new Counter({
      ...named('round_phase_seconds_total', 'Time by phase of the round'),
      labelNames: ['phase'],
    }),
    updates: new Counter({
      ...named('updates_total', 'Clients of complete rounds by outcome'),
      labelNames: ['status'],
    }),
    runEnds: new Counter({ ...named('run_ends_total', 'Ended runs by outcome'), labelNames: ['status'] }),
    activeRuns: new Gauge(named('active_runs', 'Runs that wait or run')),
    clientProcesses: new Gauge(named('client_processes', 'Client processes that have joined')),
    bytes: new Counter({ ...named('network_bytes_total', 'Bytes of tasks and updates'), labelNames: ['direction'] }),
  }
}

/** Counts what a run tells. `activeRuns` and `clientProcesses` are set by those who know. */
export function countNotice(metrics: ServerMetrics, notice: RunNotice): void {
  if (notice.type === 'status' && ['completed', 'stopped', 'failed'].includes(notice.status))
    metrics.runEnds.inc({ status: notice.status })
  if (notice.type !== 'round') return
  const { clients, phases, durationMs } = notice.record
  metrics.rounds.inc()
  for (const direction of ['up', 'down'] as const) metrics.bytes.inc({ direction }, notice.bytes[direction])
  metrics.roundSeconds.observe(durationMs / 1000)
  for (const [phase, ms] of Object.entries(phases)) metrics.phaseSeconds.inc({ phase }, ms / 1000)
  for (const status of ['completed', 'dropped', 'rejected'] as const) metrics.updates.inc({ status }, clients[status])
}
