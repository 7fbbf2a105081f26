import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { currentEngine, inspectEngines, prepareEngine } from '../../src/compute/choose.ts'
import { FedError } from '../../src/core/errors.ts'

function refuses(name: string, says: RegExp): Promise<void> {
  return assert.rejects(prepareEngine(name), (error: unknown) => {
    assert.ok(error instanceof FedError, String(error))
    assert.equal(error.code, 'engine_unavailable')
    assert.match(error.message, says)
    return true
  })
}

describe('choosing an engine', () => {
  it('makes the engine of that name current, and describes it as plain data', async () => {
    for (const name of ['cpu', 'wasm'] as const) {
      const engine = await prepareEngine(name)
      assert.equal(tf.getBackend(), name)
      assert.deepEqual(structuredClone(engine), engine)
      assert.deepEqual(
        { ...engine, device: engine.device.kind },
        { name, version: '4.22.0', device: 'cpu', reason: 'asked for by name' },
      )
    }
  })

  it('takes the best of what is there when asked for none, and says why', async () => {
    const { name, reason, device } = await prepareEngine('auto')
    if (device.kind === 'gpu') assert.match(name, /^(tensorflow|webgpu)$/)
    else if (!/measured:/.test(reason)) {
      assert.equal(name, 'wasm') // also where there is a software adapter: it is for those who ask for it
      assert.match(reason, /^tensorflow (is not there|has no GPU|is faulty); webgpu is not there; wasm/)
    }
  })

  it('takes the engine that a run was computed on before all others, where it is there, and says where it is not', async () => {
    const preferred = await prepareEngine('auto', undefined, 'cpu')
    assert.deepEqual([preferred.name, preferred.reason], ['cpu', 'the run was computed on it so far'])
    assert.equal(currentEngine(), 'cpu')
    assert.equal((await prepareEngine('wasm', undefined, 'cpu')).name, 'wasm')
  })

  it('refuses a name that it does not know, and says which it meant', () => refuses('wsam', /Did you mean "wasm"\?/))

  describe('when a backend cannot start', () => {
    const original = { factory: tf.findBackendFactory('cpu') }
    before(async () => {
      await prepareEngine('wasm')
      tf.removeBackend('cpu')
      tf.registerBackend('cpu', () => {
        throw new Error('no such processor')
      })
    })
    after(() => {
      tf.removeBackend('cpu')
      tf.registerBackend('cpu', original.factory)
    })

    it('is an error, never another engine', () => refuses('cpu', /expected TF\.js to run on cpu/))

    it('is passed over by auto also where the run was computed on it, and the reason says so', async () => {
      const { name, reason } = await prepareEngine('auto', undefined, 'cpu')
      assert.notEqual(name, 'cpu')
      assert.match(reason, /^cpu is not there/)
    })
  })

  it('reports on every engine without leaving a tensor or another engine', async () => {
    await prepareEngine('wasm')
    const tensors = tf.memory().numTensors
    let steps = 0
    const step = { key: 'a step', stepMs: async () => ++steps }
    const reports = await inspectEngines(step)
    assert.deepEqual(
      reports.map(report => report.name),
      ['tensorflow', 'webgpu', 'wasm', 'cpu'],
    )
    for (const { name, available, selfTest, problem, speed, version } of reports) {
      if (available) {
        assert.equal(selfTest, 'passed', name)
        assert.ok(speed && speed.gemmGflops > 0 && speed.stepMs > 0 && speed.stepMs <= steps)
        assert.ok(version)
      } else {
        const says = { tensorflow: /npm install @tensorflow\/tfjs-node/, webgpu: /expected a WebGPU adapter|npm ci/ }
        assert.match(String(problem), says[name as keyof typeof says])
        assert.equal(speed, null)
      }
    }
    assert.equal(tf.getBackend(), 'wasm')
    assert.equal(tf.memory().numTensors, tensors)
  })
})
