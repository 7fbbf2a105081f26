import { makeCurrent } from './bring-up.ts'
import type { Engine } from './engine.ts'
import { describeVerdict, fastestOf } from './fastest.ts'
import { matrixProduct, type Work } from './speed.ts'

/** Of two engines that are both brought up the second, or the first where it is clearly faster at `work`; made current. `reason` is the second's, and what was measured. */
export async function fasterOf(
  one: Engine,
  other: Engine,
  work: Work = matrixProduct,
  folder?: string,
): Promise<Engine> {
  const engines = [other, one]
  const candidates = engines.map(({ name, version }) => ({
    name,
    version,
    async measure() {
      await makeCurrent(name)
      return work.stepMs()
    },
  }))
  const verdict = await fastestOf(candidates, work.key, folder)
  const engine = engines.find(({ name }) => name === verdict.fastest)!
  await makeCurrent(engine.name)
  return { ...engine, reason: `${other.reason}; ${describeVerdict(verdict)}` }
}
