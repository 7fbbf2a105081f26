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
  readonly refusals: Counter<'kind' | 'reason'>
}

/** What the server asks of the compute worker when it is asked. */
export interface ComputeLoad {
  /** Calls that wait or are worked on. */
  queued(): number
  memory(): Promise<{ readonly tensors: number; readonly bytes: number }>
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
    refusals: new Counter({
      ...named('refusals_total', 'Joins, messages of clients and requests to REST that were refused, by error code'),
      labelNames: ['kind', 'reason'],
    }),
    bytes: new Counter({ ...named('network_bytes_total', 'Bytes of tasks and updates'), labelNames: ['direction'] }),
  }
}

/** How long a question is kept waiting for a worker that computes; then the last figures stand. */
const MEMORY_MS = 100

/** Adds what is known of the compute worker: asked for when Prometheus asks, and no sooner. */
export function watchCompute({ registry }: ServerMetrics, load: ComputeLoad): void {
  let last = { tensors: 0, bytes: 0 }
  let asking: Promise<void> | null = null
  const ask = async () => {
    last = await load.memory().catch(() => last) // no engine: /readyz tells
    asking = null
  }
  const fresh = async () => {
    asking ??= ask()
    await Promise.race([asking, new Promise(resolve => setTimeout(resolve, MEMORY_MS).unref())])
    return last
  }
  const gauge = gaugesOf(registry)
  gauge('compute_queue_calls', 'Calls that wait for the compute worker, or are worked on', () => load.queued())
  gauge('engine_tensors', 'Tensors that the engine holds', async () => (await fresh()).tensors)
  gauge('engine_memory_bytes', 'Memory of the tensors that the engine holds', async () => (await fresh()).bytes)
}

/** Adds how far the database is behind. */
export function watchStore({ registry }: ServerMetrics, store: { queuedWrites(): Promise<number> }): void {
  const help = 'Writes that wait for the database, or are being written'
  gaugesOf(registry)('store_queue_writes', help, () => store.queuedWrites())
}

/** Makes gauges whose values are asked for when Prometheus asks. */
function gaugesOf(registry: Registry) {
  return (name: string, help: string, value: () => number | Promise<number>) =>
    new Gauge({
      ...{ name: `fedstrata_${name}`, help, registers: [registry] },
      async collect() {
        this.set(await value())
      },
    })
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
