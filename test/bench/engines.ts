import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import {
  installKernels,
  javascriptKernels,
  packKernels,
  uninstallKernels,
} from '../../src/compute/wasm-kernels/index.ts'
import type { Bench } from './benches.ts'
import { quantile } from './stage.ts'
import { type Trainee, trainees } from './trainees.ts'

/** The same steps on the same heap, with other kernels under TF.js's names. */
const KERNELS: Readonly<Record<string, () => void>> = {
  'as shipped': uninstallKernels,
  'repairs in JavaScript': () => {
    uninstallKernels()
    installKernels(javascriptKernels)
  },
  'kernel pack': () => installKernels(packKernels),
}

/** One local step, from the batch's Float32Array to the new weights: what tfjs-backend-wasm gives, and what we make of it. */
export const engines: Bench = {
  what: 'one SGD step at batch 32 on wasm, one thread; median of the best of 3 interleaved passes',
  async run() {
    const { device } = await prepareEngine('wasm')
    const rows: Record<string, string> = { engine: device.description }
    for (const make of trainees) {
      const trainee = await make()
      const best = new Map<string, number>()
      for (let pass = 0; pass < 3; pass++)
        for (const [kernels, install] of Object.entries(KERNELS)) {
          install()
          const time = stepMs(trainee, pass === 0)
          best.set(kernels, Math.min(time, best.get(kernels) ?? Number.POSITIVE_INFINITY))
        }
      trainee.dispose()
      const shipped = best.get('as shipped')!
      for (const [kernels, time] of best)
        rows[`${trainee.name}, ${kernels}`] = Number.isFinite(time)
          ? `${time.toFixed(2)} ms${Number.isFinite(shipped) ? `, ${(shipped / time).toFixed(1)} × as shipped` : ''}`
          : 'not possible: a gradient has no kernel'
    }
    rows['tensors left'] = String(tf.memory().numTensors)
    return rows
  },
}

/** Median time of a step, infinite when a kernel is missing. The first pass also waits for V8 to compile. */
function stepMs({ step, passMs }: Trainee, warmUp: boolean): number {
  const times: number[] = []
  try {
    for (let i = 0; i < (warmUp ? 60 : 3); i++) {
      const start = performance.now()
      step()
      if (performance.now() - start > passMs / 10) break
    }
    const start = performance.now()
    while (times.length < 5 || performance.now() - start < passMs) {
      const before = performance.now()
      step()
      times.push(performance.now() - before)
    }
  } catch (error) {
    if (/Kernel .* not registered/.test(String(error))) return Number.POSITIVE_INFINITY
    throw error
  }
  return quantile(times, 0.5)
}
