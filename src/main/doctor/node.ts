import { availableParallelism, totalmem } from 'node:os'
import type { HealthCheck } from './check.ts'

const OLDEST = [20, 19]

/** The version of Node, cores and memory. */
export const node: HealthCheck = {
  name: 'node',
  async examine() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const memory = `${(totalmem() / 2 ** 30).toFixed(1)} GiB memory`
    const found = `Node ${process.versions.node}, ${availableParallelism()} cores, ${memory}`
    if (major > OLDEST[0]! || (major === OLDEST[0] && minor >= OLDEST[1]!)) return { status: 'ok', found }
    return { status: 'failed', found, advice: `Install Node ${OLDEST.join('.')} or newer` }
  },
}
