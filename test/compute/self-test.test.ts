import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { tensorflow } from '../../src/compute/engines/tensorflow.ts'
import { selfTest } from '../../src/compute/self-test.ts'
import {
  installKernels,
  javascriptKernels,
  packKernels,
  uninstallKernels,
} from '../../src/compute/wasm-kernels/index.ts'
import type { WasmKernel } from '../../src/compute/wasm-kernels/kernel.ts'
import { FedError } from '../../src/core/errors.ts'

/** The kernel as tfjs-backend-wasm ships it, or none where it ships none. */
function asShipped(name: string): WasmKernel {
  return {
    name,
    run({ inputs, attrs, backend }, shipped) {
      if (!shipped) throw new Error(`no kernel ${name}`)
      return shipped(inputs, attrs, backend)
    },
  }
}

/** Right in its shape, wrong in its values. */
function zeros(name: string): WasmKernel {
  return {
    name,
    run(call, shipped) {
      const out = asShipped(name).run(call, shipped) as tf.TensorInfo
      const { backend } = call as { backend: { typedArrayFromHeap(info: tf.TensorInfo): Float32Array } }
      backend.typedArrayFromHeap(out).fill(0)
      return out
    },
  }
}

/** A kernel of our own that leaves its first input as it is. */
function lazy(name: string, input: string): WasmKernel {
  return {
    name,
    run(call) {
      const { inputs, backend } = call as unknown as { inputs: Record<string, tf.TensorInfo>; backend: Heap }
      const like = inputs[input]!
      const out = [1, 2].map(() => backend.makeOutput(like.shape, 'float32'))
      for (const info of out) backend.typedArrayFromHeap(info).set(backend.typedArrayFromHeap(like))
      return out
    },
  }
}

interface Heap {
  makeOutput(shape: readonly number[], dtype: 'float32'): tf.TensorInfo
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array
}

describe('the self-test', () => {
  before(async () => {
    await prepareEngine('wasm')
  })
  after(() => installKernels(packKernels))

  const faults: [WasmKernel, RegExp][] = [
    [asShipped('MaxPoolGrad'), /gradient of max pooling below zero on wasm/],
    [asShipped('_FusedMatMul'), /fused matMul with a transpose and a bias.*\[101, 102, 103, 104\]/],
    [asShipped('Conv2D'), /conv2d, stride above the filter/],
    [asShipped('Relu'), /NaN as a processor makes it through ReLU/],
    [zeros('BatchMatMul'), /matMul with every transpose/],
    [zeros('Sum'), /sum over leading axes|softmax|gradient/],
    [zeros('Slice'), /slice.*got \[30, 36, 0, 0, 0, 0\]/],
    [lazy('FedstrataSgdStep', 'weight'), /a step of SGD.*got \[4, 4, 4, 4, 4, 4, 4, 4, 4, 4\]/],
    [lazy('FedstrataCrossEntropy', 'logits'), /softmax cross-entropy and its gradient/],
  ]
  for (const [kernel, says] of faults)
    it(`refuses a wrong ${kernel.name}`, async () => {
      const tensors = tf.memory().numTensors
      installKernels([...packKernels, kernel])
      await assert.rejects(selfTest('wasm'), (error: unknown) => {
        assert.ok(error instanceof FedError)
        assert.equal(error.code, 'engine_faulty')
        assert.match(error.message, says)
        return true
      })
      installKernels(packKernels)
      await selfTest('wasm')
      assert.equal(tf.memory().numTensors, tensors)
    })

  it('passes the kernels in JavaScript, for a machine where the pack does not start', async () => {
    uninstallKernels()
    installKernels(javascriptKernels)
    await selfTest('wasm')
    installKernels(packKernels)
  })

  it('says what may help before it sends to another engine', async () => {
    installKernels([...packKernels, zeros('Sum')])
    await assert.rejects(selfTest('wasm', 'Turn it off and on'), /Turn it off and on\. Choose another engine/)
    installKernels(packKernels)
  })

  it('knows what helps TensorFlow where it is wrong, until that is done', t => {
    const before = process.env['TF_ENABLE_ONEDNN_OPTS']
    t.after(() => {
      if (before === undefined) delete process.env['TF_ENABLE_ONEDNN_OPTS']
      else process.env['TF_ENABLE_ONEDNN_OPTS'] = before
    })
    delete process.env['TF_ENABLE_ONEDNN_OPTS']
    assert.match(tensorflow.remedy?.() ?? '', /TF_ENABLE_ONEDNN_OPTS=0/)
    process.env['TF_ENABLE_ONEDNN_OPTS'] = '0'
    assert.equal(tensorflow.remedy?.(), undefined)
  })

  it('refuses an engine without a kernel, and says which', async () => {
    installKernels([asShipped('Conv2DBackpropFilter')]) // the package ships none
    await assert.rejects(selfTest('wasm'), /filter, stride 2.*no kernel Conv2DBackpropFilter/)
  })
})
