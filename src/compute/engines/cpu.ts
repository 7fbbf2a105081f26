import { version_cpu } from '@tensorflow/tfjs-backend-cpu'
import type { EngineSetup } from '../engine.ts'
import { oneThread } from './processor.ts'

/** The last resort, and the plainest code: slow, but correct wherever Node runs. */
export const cpu: EngineSetup = {
  name: 'cpu',
  summary: 'Plain JavaScript: always there, and 10 to 100 times slower than wasm.',
  load: async () => {}, // importing the package registered it
  describe: () => ({ version: version_cpu, device: oneThread() }),
}
