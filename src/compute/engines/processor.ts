import { cpus } from 'node:os'
import type { Device } from '../engine.ts'

/** The processor of this machine, as one thread of it computes. */
export function oneThread(): Device {
  return { kind: 'cpu', description: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, 1 thread` }
}
