import { FedError } from '../../core/errors.ts'
import { instantiatePack } from '../wasm-kernels/pack.ts'
import type { PackFunctions } from '../wasm-kernels/pack-functions.ts'
import { type LinearMemory, WebAssembly } from '../wasm-kernels/web-assembly.ts'

/**
 * A linear memory of its own with the kernel pack on it, cut into regions that never move. First everything is allocated,
 * then `commit` makes the memory, once; from then on it keeps its size.
 */
export interface FlatMemory {
  readonly kernels: PackFunctions
  /** The address of `length` float32. */
  allocate(length: number): number
  /** Throws `engine_limit` for what does not fit into the 4 GiB of WebAssembly, or into this machine. */
  commit(): void
  /** float32 in place, zeros at first. After `commit`. */
  floats(address: number, length: number): Float32Array
  bytes(address: number, length: number): Uint8Array
  /** Copies `length` float32; the regions may overlap. After `commit`. */
  copy(from: number, to: number, length: number): void
}

const PAGE = 65_536
const MOST_PAGES = 65_536
/** Regions begin on the border of a cache line; none at 0, which stands for "not there". */
const LINE = 64

export function createMemory(): FlatMemory {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES })
  let end = LINE
  let all = new Float32Array()
  return {
    kernels: instantiatePack(memory),
    allocate(length) {
      const address = end
      end += Math.ceil((4 * length) / LINE) * LINE
      return address
    },
    commit() {
      grow(memory, Math.ceil(end / PAGE))
      all = new Float32Array(memory.buffer)
    },
    floats: (address, length) => new Float32Array(memory.buffer, address, length),
    bytes: (address, length) => new Uint8Array(memory.buffer, address, length),
    copy(from, to, length) {
      all.copyWithin(to / 4, from / 4, from / 4 + length)
    },
  }
}

function grow(memory: LinearMemory, pages: number): void {
  try {
    memory.grow(pages - 1)
  } catch (cause) {
    throw new FedError('engine_limit', {
      expected: 'a batch whose activations and gradients fit into the memory of wasm, 4 GiB at most',
      received: `${Math.ceil((pages * PAGE) / 2 ** 20)} MiB`,
      hint: 'Use smaller batches or a smaller model',
      cause,
    })
  }
}
