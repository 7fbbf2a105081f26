import { parentPort, workerData } from 'node:worker_threads'
import { currentEngine, engineFault, engineMemory, prepareEngine } from '../compute/choose.ts'
import { errorBody, FedError, toFedError } from '../core/errors.ts'
import { dataDigest } from '../data/digest.ts'
import { loadDataset } from '../data/index.ts'
import { trainingWork, typicalWork } from '../training/training-work.ts'
import { averageRound, measureRound } from './close-round.ts'
import type { OpenRound } from './closed-round.ts'
import type {
  ComputeCall,
  ComputeOptions,
  ComputeProgress,
  ComputeReply,
  ComputeRequest,
  OpenedSession,
} from './compute.ts'
import { memoryPressure } from './memory-pressure.ts'
import { probeJobs } from './probe-jobs.ts'
import { parseRunFile } from './run-file.ts'
import { stateBytes } from './server-state.ts'
import { openSession, type Session } from './session.ts'
import { createTurns } from './turns.ts'

/**
 * The thread that computes: owns the engine, and one session a run. Calls are carried out one at a time: an engine is one
 * device, and two rounds at once would only slow each other down. Averaging, for which clients wait, goes before everything
 * else, and probes of rounds that are over come last, also between the batches of an evaluation that is under way; within a
 * level the order is that of the calls.
 */
const port = parentPort!
const { engine: engineName, preferredEngine, firstRun } = workerData as ComputeOptions
const work = firstRun ? trainingWork(firstRun) : typicalWork
let engine = prepareEngine(engineName, work, preferredEngine)
// What is wrong is said when a run needs it.
if (firstRun)
  void loadDataset(firstRun.data)
    .then(dataset => dataDigest(dataset))
    .catch(() => undefined)
const sessions = new Map<string, Session>()
/** By run, then round: averaged, and not yet measured. */
const open = new Map<string, Map<number, OpenRound>>()
const turns = createTurns()
const pressure = memoryPressure()
const LEVELS = {
  ...{ engine: 0, memory: 0, average: 0, cancelProbe: 0 },
  ...{ open: 1, measure: 1, release: 1, openProbe: 1 },
  ...{ probe: 2, closeProbe: 2 },
} as const
const probes = probeJobs(() => turns.pass(LEVELS.probe))
void turns.take(0, () => engine.catch(() => undefined))

port.on('message', ({ id, call }: ComputeRequest) => {
  void turns.take(LEVELS[call.method], async () => {
    let reply: ComputeReply
    try {
      reply = { id, ok: true, data: await perform(call, id) }
    } catch (thrown) {
      reply = { id, ok: false, error: errorBody(toFedError(thrown, 'compute_failed')) }
    }
    port.postMessage(reply)
  })
})

async function perform(call: ComputeCall, id: number): Promise<unknown> {
  switch (call.method) {
    case 'engine':
      return engine
    case 'memory':
      return engineMemory()
    case 'open':
      return openRun(call.run, call.runFile)
    case 'average': {
      const round = await averageRound(sessionOf(call.run), call.job)
      open.get(call.run)?.set(call.job.round, round)
      return round.result
    }
    case 'measure': {
      const rounds = open.get(call.run)
      const round = rounds?.get(call.round)
      if (!round) throw new Error(`round ${call.round} of run ${call.run} was not averaged, or is measured already`)
      rounds!.delete(call.round)
      const measured = await measureRound(sessionOf(call.run), round)
      pressure(stateBytes(round.job.server))
      return measured
    }
    case 'openProbe':
      await readyEngine()
      return probes.open(call.probe)
    case 'probe':
      return probes.measure(call.step, done => port.postMessage({ id, progress: done } satisfies ComputeProgress))
    case 'cancelProbe':
      return probes.cancel(call.key)
    case 'closeProbe':
      return probes.close(call.key)
    case 'release':
      sessions.get(call.run)?.dispose()
      sessions.delete(call.run)
      open.delete(call.run)
      return null
    default:
      return call satisfies never
  }
}

function sessionOf(run: string): Session {
  const session = sessions.get(run)
  if (!session) throw new Error(`no session for run ${run}`)
  // Another run may have been opened since on another engine, where ours had lost its device.
  if (session.engine === currentEngine()) return session
  throw new FedError('engine_mismatch', { expected: session.engine, received: currentEngine(), hint: 'Resume the run' })
}

async function readyEngine(): Promise<void> {
  await engine
  // What lost its device failed the runs that were on it. Whoever opens one now, to resume it, gets another device.
  if (engineFault()) engine = prepareEngine(engineName, work, preferredEngine)
  await engine
}

async function openRun(run: string, runFile: unknown): Promise<OpenedSession> {
  await readyEngine()
  sessions.get(run)?.dispose()
  const session = await openSession(parseRunFile(runFile), { turn: () => turns.pass(LEVELS.measure) })
  sessions.set(run, session)
  open.set(run, new Map())
  const { engine, inputs, layout, clients } = session
  return { engine, inputs, layout, clients, initial: session.initial() }
}
