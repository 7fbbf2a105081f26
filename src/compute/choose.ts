import * as tf from '@tensorflow/tfjs-core'
import { FedError, toFedError } from '../core/errors.ts'
import { didYouMean } from '../core/suggest.ts'
import { bringUp } from './bring-up.ts'
import type { Device, Engine, EngineName, EngineSetup } from './engine.ts'
import { engineSetups } from './engines/index.ts'
import { fasterOf } from './faster-of.ts'
import { measureSpeed, type Speed, type Work } from './speed.ts'

export type { Engine, EngineName } from './engine.ts'
export type { Work } from './speed.ts'

/**
 * Makes an engine current in this thread and returns it; from here on every TF.js op runs on it. `auto` takes tensorflow
 * when it has a GPU, else webgpu when there is a graphics card, else wasm (or tensorflow without a GPU, where it was measured
 * to be clearly faster at `work`), else cpu, and `reason` says why; an engine that cannot be loaded or fails its self-test is
 * passed over, and the reason says that too. A name means that engine or an error, never another one. `preferred`: what `auto`
 * takes first, the engine on which a run was computed so far.
 *
 * Throws `engine_unavailable` (how to get it) and `engine_faulty` (which case, what was expected, what came).
 */
export async function prepareEngine(
  name: 'auto' | EngineName | (string & {}) = 'auto',
  work?: Work,
  preferred?: string,
): Promise<Engine> {
  if (name !== 'auto') return bringUp(setupNamed(name), 'asked for by name', true)
  const passedOver: string[] = []
  let last: unknown = null
  let native: Engine | null = null // on the processor TensorFlow wins with large convolutions, and loses with small nets
  const first = engineSetups.find(setup => setup.name === preferred)
  if (first)
    try {
      return await bringUp(first, 'the run was computed on it so far', true)
    } catch (error) {
      passedOver.push(passingOver(first, error))
      last = error
    }
  for (const setup of engineSetups.filter(setup => setup !== first))
    try {
      const why = native ? passedOver : [...passedOver, NOTES[setup.name]]
      const engine = await bringUp(setup, why.join('; '), false)
      if (setup.name === 'tensorflow' && engine.device.kind === 'cpu') {
        native = engine
        passedOver.push('tensorflow has no GPU')
      } else if (native && engine.device.kind === 'cpu') return await fasterOf(native, engine, work)
      else return engine
    } catch (error) {
      last = error
      passedOver.push(passingOver(setup, error))
    }
  throw last
}

function passingOver({ name }: EngineSetup, error: unknown): string {
  return `${name} ${toFedError(error).code === 'engine_faulty' ? 'is faulty' : 'is not there'}`
}

const NOTES: Readonly<Record<EngineName, string>> = {
  tensorflow: 'tensorflow has a GPU',
  webgpu: 'webgpu has a graphics card',
  wasm: 'wasm is the fastest engine here that needs no graphics card',
  cpu: 'warning: plain JavaScript is very slow',
}

/** The set-up of that name; throws `engine_unavailable`. */
export function setupNamed(name: string): EngineSetup {
  const setup = engineSetups.find(candidate => candidate.name === name)
  if (setup) return setup
  const names = engineSetups.map(candidate => candidate.name)
  throw new FedError('engine_unavailable', {
    expected: `one of auto, ${names.join(', ')}`,
    received: `"${name}"`,
    hint: GRAPHICS.test(name) ? USES_GRAPHICS : (didYouMean(name, names) ?? 'fedstrata engines shows what is here'),
  })
}

/** What computes in this thread, as the record of a round says it: the engine's name, and what else decides its bits. */
export function currentEngine(): string {
  const name = tf.getBackend()
  const variant = engineSetups.find(setup => setup.name === name)?.variant?.()
  return variant ? `${name} (${variant})` : name
}

/** What people call an engine that computes on a graphics card. */
const GRAPHICS = /gpu|cuda|nvidia|rocm|hip|metal|mps|vulkan|directml|webgl|opencl/i
const USES_GRAPHICS =
  'The graphics card is used by tensorflow (CUDA, with @tensorflow/tfjs-node-gpu) and by webgpu (Vulkan, Metal or Direct3D 12)'

/** Why the current engine has to be prepared again before anything else is computed; null while it is sound. */
export function engineFault(): FedError | null {
  const current = tf.getBackend() as string | undefined
  return engineSetups.find(setup => setup.name === current)?.fault?.() ?? null
}

/** What `fedstrata engines` shows of one engine. */
export interface EngineReport {
  readonly name: EngineName
  readonly summary: string
  readonly available: boolean
  /** 'not run' when the engine is not there. */
  readonly selfTest: 'passed' | 'failed' | 'not run'
  /** What is wrong and how to get the engine; null when it is ready. */
  readonly problem: string | null
  readonly version: string | null
  readonly device: Device | null
  readonly speed: Speed | null
}

/** Brings up each engine in turn, tests and measures it, by `step` too: about a second each. Leaves the backend that was current. */
export async function inspectEngines(step: Work): Promise<readonly EngineReport[]> {
  const before = tf.getBackend() as string | undefined
  const reports: EngineReport[] = []
  for (const setup of engineSetups) {
    const { name, summary } = setup
    try {
      const { version, device } = await bringUp(setup, 'inspected', true)
      const speed = await measureSpeed(step)
      reports.push({ name, summary, available: true, selfTest: 'passed', problem: null, version, device, speed })
    } catch (error) {
      reports.push(failed(name, summary, toFedError(error, 'engine_unavailable')))
    }
  }
  if (before) await tf.setBackend(before)
  return reports
}

function failed(name: EngineName, summary: string, error: FedError): EngineReport {
  const faulty = error.code === 'engine_faulty'
  return {
    name,
    summary,
    available: faulty,
    selfTest: faulty ? 'failed' : 'not run',
    problem: error.message,
    version: null,
    device: null,
    speed: null,
  }
}

/** Tensors that TF.js holds in this thread, and their bytes. */
export function engineMemory(): { readonly tensors: number; readonly bytes: number } {
  const { numTensors, numBytes } = tf.memory()
  return { tensors: numTensors, bytes: numBytes }
}
