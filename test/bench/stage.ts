import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IntervalHistogram } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { type Coordinator, startCoordinator } from '../../src/main/coordinator.ts'
import { simulate } from '../../src/main/simulate.ts'
import type { RunNotice } from '../../src/rounds/ports.ts'

/** A coordinator in a folder of its own, for as long as `use` takes. */
export async function onStage<T>(use: (coordinator: Coordinator) => Promise<T>): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fedstrata-bench-'))
  const coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir, engine: 'auto' })
  try {
    return await use(coordinator)
  } finally {
    await coordinator.close()
    rmSync(dataDir, { recursive: true })
  }
}

/** W1's model (784-128-64-10, 109,386 parameters, 427 KiB) and clients that send back what they received. */
export function noopRun(clients: number, perRound: number, rounds: number): object {
  return {
    name: 'noop',
    seed: 1,
    rounds,
    model: { name: 'mlp', hidden: [128, 64] },
    data: { name: 'synthetic', dimension: 784, train: Math.max(1000, clients), test: 100 },
    clients: { total: clients, perRound },
    evaluate: { every: 0, clients: false },
    barriers: { every: 0 },
  }
}

export async function simulateNoop(
  coordinator: Coordinator,
  runFile: object,
  onNotice: (notice: RunNotice) => void,
): Promise<string> {
  const end = await simulate(coordinator, runFile, {
    workers: 2,
    engine: 'auto',
    clientArguments: ['--noop'],
    onNotice,
  })
  if (end.outcome !== 'completed') throw end.error ?? new Error(end.outcome)
  return end.run
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

/** How many look at a run at a time. */
export const READERS = 2

export interface Readers {
  /** Resolves with how long each answer took, milliseconds. */
  stop(): Promise<readonly number[]>
}

/** People who ask about a run, each again as soon as the answer is there. */
export function startReaders(url: string, run: string): Readers {
  const base = `${url}/api/v1/runs/${run}`
  const worker = new Worker(new URL('./readers.js', import.meta.url), { workerData: { base, readers: READERS } })
  const answer = once(worker, 'message')
  return {
    async stop() {
      worker.postMessage('stop')
      return (await answer)[0]
    },
  }
}

export function latenciesOf(latencies: readonly number[]): string {
  return [0.5, 0.95, 0.99].map(q => ms(quantile(latencies, q))).join(' / ')
}

export function delays(histogram: IntervalHistogram): string {
  return [histogram.percentile(50), histogram.percentile(99), histogram.max].map(ns => ms(ns / 1e6)).join(' / ')
}

export const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`

export const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`

/** Slope of a straight line through equally spaced values, per step. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let [over, under] = [0, 0]
  for (const [i, value] of values.entries()) {
    over += (i - middle) * (value - mean)
    under += (i - middle) ** 2
  }
  return over / under
}
