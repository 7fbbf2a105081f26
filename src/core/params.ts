/**
 * float32 arrays that threads share without a copy. Parameters live on SharedArrayBuffers from the socket to the
 * checkpoint; nobody writes to an array that it did not allocate.
 */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))
}

/** A shared copy; also the way to keep a small view without holding on to the large buffer under it. */
export function sharedCopy(values: Float32Array): Float32Array {
  const copy = sharedFloats(values.length)
  copy.set(values)
  return copy
}

/** The argument itself if threads already share it, else a shared copy. */
export function asShared(values: Float32Array): Float32Array {
  return values.buffer instanceof SharedArrayBuffer ? values : sharedCopy(values)
}

/** Hands out shared arrays, and takes back those that nobody reads any more, to hand them out again. */
export interface FloatPool {
  /** float32[length], its values arbitrary. */
  take(length: number): Float32Array
  give(values: Float32Array): void
}

/**
 * Round after round needs arrays of the same sizes. Shared ones are a burden when they are left to the collector: V8 does
 * not count them as memory in use, so it comes for them too late, and fresh ones cost a page fault every 4 KiB.
 */
export function floatPool(): FloatPool {
  const free = new Map<number, Float32Array[]>()
  return {
    take: length => free.get(length)?.pop() ?? sharedFloats(length),
    give(values) {
      const same = free.get(values.length)
      if (same) same.push(values)
      else free.set(values.length, [values])
    },
  }
}
