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
