import assert from 'node:assert/strict'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { engineFault, prepareEngine } from '../../src/compute/choose.ts'
import { chooseAdapter, describeAdapter, isSoftware } from '../../src/compute/webgpu/adapter.ts'
import type { Dawn, Gpu, GpuAdapter, GpuAdapterInfo } from '../../src/compute/webgpu/dawn.ts'
import type { GuardedBackend } from '../../src/compute/webgpu/guarded-backend.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'

const card: GpuAdapterInfo = {
  vendor: 'nvidia',
  architecture: 'ampere',
  device: 'nvidia-a100',
  description: 'NVIDIA: 535.104.05',
  isFallbackAdapter: false,
}
const swiftShader = {
  vendor: 'google',
  architecture: 'swiftshader',
  device: 'swiftshader-device-subzero-',
  description: 'SwiftShader driver 5.0.0',
}

describe('choosing a WebGPU adapter', () => {
  const gpuWith = (info: GpuAdapterInfo | null): Gpu => ({
    requestAdapter: async () => info && ({ info } as GpuAdapter),
  })
  const dawn: Dawn = {
    globals: {},
    create: () => ({
      requestAdapter: async () => {
        throw new Error("no suitable backends found\nAvailable adapters:\n * backend: 'vulkan', name: 'Broken Card'")
      },
    }),
  }
  const choose = (info: GpuAdapterInfo | null, acceptSoftware: boolean) =>
    chooseAdapter(dawn, gpuWith(info), { acceptSoftware, missing: () => null })
  const refused = (message: RegExp) => ({ code: 'engine_unavailable', message })

  it('takes a graphics card, and names it', async () => {
    assert.deepEqual((await choose(card, false)).info, card)
    assert.equal(describeAdapter(card), 'nvidia-a100 (nvidia ampere, NVIDIA: 535.104.05)')
  })

  it('takes a software adapter only for those who named the engine', async () => {
    await assert.rejects(choose(swiftShader, false), refused(/got only swiftshader.*Name the engine webgpu/))
    assert.equal((await choose(swiftShader, true)).info, swiftShader)
  })

  it('knows a software adapter by its flag, by its name, and by having none', () => {
    assert.equal(isSoftware(card), false)
    for (const change of [
      { isFallbackAdapter: true },
      { vendor: '' },
      { description: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
      { architecture: 'swiftshader' },
    ])
      assert.equal(isSoftware({ ...card, ...change }), true, JSON.stringify(change))
  })

  it('says what is there when nothing works', () =>
    assert.rejects(choose(null, true), refused(/got none that works among Broken Card.*driver with Vulkan/)))

  it('does not ask where something is missing, and says what', () =>
    assert.rejects(
      chooseAdapter(dawn, gpuWith(card), { acceptSoftware: true, missing: () => 'no Vulkan loader' }),
      refused(/got no Vulkan loader. It needs the card’s driver/),
    ))
})

describe('webgpu on a software adapter', { skip: withoutSoftwareAdapter() }, () => {
  const backend = () => tf.backend() as unknown as GuardedBackend
  const ones = (length: number) => tf.tensor1d(new Float32Array(length).fill(1))
  /** Above 1000 values TF.js computes on the device, below it may do so in JavaScript. */
  const sumOnDevice = async () => {
    const sum = tf.tidy(() => tf.sum(tf.mul(ones(5000), ones(5000))))
    try {
      return (await sum.data())[0]
    } finally {
      sum.dispose()
    }
  }
  let tensors = 0

  before(async () => {
    await prepareEngine('webgpu')
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => assert.equal(tf.memory().numTensors, tensors))

  it('is an engine like the others when it is asked for, and says that it is slow', async () => {
    const engine = await prepareEngine('webgpu')
    assert.equal(tf.getBackend(), 'webgpu')
    assert.deepEqual(structuredClone(engine), engine)
    const { device, ...rest } = engine
    assert.deepEqual(rest, {
      name: 'webgpu',
      version: '4.22.0',
      reason: 'asked for by name; a software adapter: right, and slow',
    })
    assert.equal(device.kind, 'cpu')
    assert.match(device.description, /in software$/)
  })

  it('is not taken by those who ask for the best', async () => {
    assert.notEqual((await prepareEngine('auto')).name, 'webgpu')
    await prepareEngine('webgpu')
  })

  it('refuses a tensor that the device cannot hold, and names tensor and limit', async () => {
    const { room } = backend()
    backend().room = { bytes: 4000, limit: 'maxStorageBufferBindingSize' }
    const buffers = tf.memory().numDataBuffers
    assert.throws(() => tf.tidy(() => tf.mul(tf.ones([10, 101]), 2)), {
      code: 'engine_limit',
      message: /at most 4000 bytes \(maxStorageBufferBindingSize of the device\), got float32\[10, 101\] of 4040 bytes/,
    })
    assert.equal(tf.memory().numDataBuffers, buffers)
    backend().room = room
    assert.equal(await sumOnDevice(), 5000)
  })

  it('refuses a model with such a tensor before anything is computed, and names it', async () => {
    const { room } = backend()
    backend().room = { bytes: 784 * 16 * 4 - 1, limit: 'maxStorageBufferBindingSize' }
    const before = tf.memory().numTensors
    const options = { name: 'mlp' as const, hidden: [16], init: 'heNormal' as const }
    try {
      await assert.rejects(buildNetwork(options, { inputShape: [28, 28, 1], numClasses: 10 }), {
        code: 'engine_limit',
        message: /at most 50175 bytes .*got fc1\/kernel, float32\[784, 16\] of 50176 bytes/,
      })
    } finally {
      backend().room = room
    }
    assert.equal(tf.memory().numTensors, before)
  })

  it('has room for what the device says', () => {
    const { limits } = backend().device
    assert.equal(backend().room.bytes, Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize))
    assert.ok(backend().room.bytes > 2 ** 27, 'more than the 128 MiB that a device has when nobody asks')
  })

  it('lets no value out after the device reported an error, until it is prepared again', async () => {
    const held = ones(2000)
    const { device } = backend() as unknown as { device: { createBuffer(descriptor: object): void } }
    device.createBuffer({ size: 2 ** 50, usage: 128 }) // TF.js would go on and compute with what is not there
    assert.equal(engineFault()?.code, 'engine_fault')
    await assert.rejects(sumOnDevice, { code: 'engine_fault', message: /got Validation: Buffer size/ })
    await assert.rejects(held.data(), { code: 'engine_fault' })
    await prepareEngine('webgpu')
    assert.equal(engineFault(), null)
    assert.equal(await sumOnDevice(), 5000)
    held.dispose()
  })

  it('says that the device is lost, also to what waits for values, and opens another one when asked', async () => {
    const product = tf.tidy(() => tf.mul(ones(1e6), ones(1e6)))
    const reading = product.data()
    backend().device.destroy()
    await assert.rejects(reading, { code: 'engine_lost', message: /destroyed.*Resume the run/ })
    await assert.rejects(sumOnDevice, { code: 'engine_lost' })
    await prepareEngine('webgpu')
    // A tensor of the lost device stays lost: never zeros on the new one.
    assert.throws(() => tf.tidy(() => tf.sum(product)), { code: 'engine_lost' })
    product.dispose()
    assert.equal(await sumOnDevice(), 5000)
  })

  it('does not read without waiting', () => {
    const product = tf.tidy(() => tf.mul(ones(5000), ones(5000)))
    assert.throws(() => product.dataSync(), { code: 'engine_fault', message: /expected an asynchronous read/ })
    product.dispose()
  })
})
