import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { weightedSum } from '../../src/compute/ops/weighted-sum.ts'
import type { WasmBackend } from '../../src/compute/wasm-kernels/heap.ts'
import {
  installKernels,
  javascriptKernels,
  packKernels,
  uninstallKernels,
} from '../../src/compute/wasm-kernels/index.ts'
import type { Bench } from './benches.ts'
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
  what: 'processor time of one SGD step at batch 32 on wasm, one thread; the best of 3 interleaved passes',
  async run() {
    const { device } = await prepareEngine('wasm')
    const rows: Record<string, string> = { engine: device.description }
    for (const make of trainees) {
      const trainee = await make()
      const best = new Map<string, number>()
      const keep = (label: string, time: number) =>
        best.set(label, Math.min(time, best.get(label) ?? Number.POSITIVE_INFINITY))
      for (let pass = 0; pass < 3; pass++) {
        for (const [kernels, install] of Object.entries(KERNELS)) {
          install()
          keep(kernels, stepMs(trainee, pass === 0))
        }
        if (trainee.flatStep) keep('flat executor', stepMs({ ...trainee, step: trainee.flatStep }, pass === 0))
      }
      trainee.dispose()
      const shipped = best.get('as shipped')!
      for (const [kernels, time] of best)
        rows[`${trainee.name}, ${kernels}`] = Number.isFinite(time)
          ? `${time.toFixed(2)} ms${Number.isFinite(shipped) ? `, ${(shipped / time).toFixed(1)} × as shipped` : ''}`
          : 'not possible: a gradient has no kernel'
    }
    installKernels(packKernels)
    return { ...rows, ...(await growth()), ...averaging(10, 1_000_000), ...averaging(100, 300_000) }
  },
}

/**
 * Processor time of a step, the mean of a pass, infinite when a kernel is missing: other programs on the same cores make
 * a step wait, but hardly make it compute longer. The first pass also waits for V8 to compile.
 */
function stepMs({ step, passMs }: Pick<Trainee, 'step' | 'passMs'>, warmUp: boolean): number {
  let count = 0
  try {
    const begin = processorMs()
    for (let i = 0; i < (warmUp ? 60 : 3); i++) {
      const before = processorMs()
      step()
      if (processorMs() - before > passMs / 10 || processorMs() - begin > passMs) break
    }
    const start = processorMs()
    while (count < 5 || processorMs() - start < passMs) {
      step()
      count++
    }
    return (processorMs() - start) / count
  } catch (error) {
    if (/Kernel .* not registered/.test(String(error))) return Number.POSITIVE_INFINITY
    throw error
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The wasm heap never shrinks, so what a step leaves behind adds up: it and TF.js's tensors before and after many steps. */
async function growth(): Promise<Record<string, string>> {
  const trainee = await trainees[1]!()
  const memory = () => {
    const { numTensors, numDataBuffers } = tf.memory()
    const heap = (tf.backend() as unknown as WasmBackend).wasm.asm.memory.buffer.byteLength
    return `${numTensors} tensors, ${numDataBuffers} buffers, heap ${heap / 2 ** 20} MiB`
  }
  const after: string[] = []
  for (const steps of [100, 2000]) {
    for (let i = 0; i < steps; i++) trainee.step()
    after.push(memory())
  }
  trainee.dispose()
  return { [`${trainee.name}, after 100 steps`]: after[0]!, [`${trainee.name}, 2,000 steps later`]: after[1]! }
}

/**
 * The weighted sum over clients, float64 inside, of a stack that is already on the heap: bytes read and written a second,
 * beside those of a plain copy of the stack. Best of ten each, in turns.
 */
function averaging(clients: number, parameters: number): Record<string, string> {
  const stack = tf.fill([clients, parameters], 1) as tf.Tensor2D
  const weights = Array.from({ length: clients }, (_, k) => (2 * (k + 1)) / (clients * (clients + 1)))
  const [from, to] = [new Float32Array(clients * parameters).fill(1), new Float32Array(clients * parameters).fill(2)]
  let [sum, loop, copy] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let i = 0; i < 10; i++) {
    sum = Math.min(
      sum,
      elapsed(() => weightedSum(stack, weights).dispose()),
    )
    copy = Math.min(
      copy,
      elapsed(() => to.set(from)),
    )
    if (i < 3)
      loop = Math.min(
        loop,
        elapsed(() => plainSum(from, weights, parameters)),
      )
  }
  stack.dispose()
  const gigabytes = (bytes: number, time: number) => bytes / time / 1e6
  const [summed, copied] = [gigabytes(4 * parameters * (clients + 1), sum), gigabytes(8 * clients * parameters, copy)]
  return {
    [`weighted sum, ${clients} × ${parameters}`]: `${sum.toFixed(2)} ms, ${summed.toFixed(1)} GB/s = ${((100 * summed) / copied).toFixed(0)} % of a copy's ${copied.toFixed(1)}; ${(loop / sum).toFixed(1)} × the loop in JavaScript`,
  }
}

/** The kernel's own formula in plain JavaScript, all sums at once. */
function plainSum(stack: Float32Array, weights: readonly number[], parameters: number): void {
  const sums = new Float64Array(parameters)
  for (const [row, weight] of weights.entries()) {
    const first = row * parameters
    for (let i = 0; i < parameters; i++) sums[i]! += weight * stack[first + i]!
  }
  Float32Array.from(sums)
}

function elapsed(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}
