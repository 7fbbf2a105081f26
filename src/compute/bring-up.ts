import * as tf from '@tensorflow/tfjs-core'
import { FedError, toFedError } from '../core/errors.ts'
import type { Engine, EngineName, EngineSetup } from './engine.ts'
import { registerGradients } from './gradients.ts'
import { keepNaN } from './keep-nan.ts'
import { selfTest } from './self-test.ts'

/** Loads an engine, makes it current in this thread and tests it. Throws `engine_unavailable` and `engine_faulty`. */
export async function bringUp(setup: EngineSetup, reason: string, byName: boolean): Promise<Engine> {
  tf.enableProdMode() // no hints for beginners on the console, no checks of every value
  await setup.load(byName)
  registerGradients()
  await makeCurrent(setup.name)
  await keepNaN()
  await selfTest(setup.name, setup.remedy?.())
  const { version, device, note } = setup.describe()
  return { name: setup.name, version, device, reason: [reason, note].filter(Boolean).join('; ') }
}

/** TF.js answers a failed set-up with another backend and a message on the console; here it is an error. */
export async function makeCurrent(name: EngineName): Promise<void> {
  const done = await tf.setBackend(name).catch((error: unknown) => toFedError(error, 'engine_unavailable'))
  if (done === true && tf.getBackend() === name) return
  throw new FedError('engine_unavailable', {
    expected: `TF.js to run on ${name}`,
    received: done instanceof FedError ? (done.detail.received ?? done.message) : `a fall back to ${tf.getBackend()}`,
    hint: 'npm ci restores the packages that this project was tested with',
  })
}
