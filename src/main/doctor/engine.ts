import { prepareEngine } from '../../compute/choose.ts'
import { failure, type HealthCheck } from './check.ts'

/** The engine that would compute, by its self-test. */
export const engine: HealthCheck = {
  name: 'engine',
  async examine({ engine: name }) {
    try {
      const { name: chosen, version, device, reason } = await prepareEngine(name)
      const found = `${chosen} ${version} on ${device.description}, self-test passed; ${reason}`
      if (chosen !== 'cpu') return { status: 'ok', found }
      return { status: 'warning', found, advice: 'Plain JavaScript is 10 to 100 times slower than wasm: --engine auto' }
    } catch (thrown) {
      return failure(thrown)
    }
  },
}
