import { FedError } from './errors.ts'
import { floatsOfBfloats, floatsOfHalves } from './half.ts'
import { sizeOf } from './layout.ts'

/**
 * The safetensors format: 8 bytes little-endian length of a JSON header, the header padded with spaces to a multiple
 * of 8, then the data of all tensors back to back, row-major and little-endian. Source: README "Format" and
 * `safetensors/src/tensor.rs` (`validate`) of huggingface/safetensors. We differ in holding float32 only: half precision is
 * widened when it is read, which is exact.
 */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** float32[product of shape] */
  readonly data: Float32Array
}

export interface TensorFile {
  /** In the order of their data. */
  readonly tensors: readonly NamedTensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/** The official reader's limit, against a header that exhausts the memory. */
const MAX_HEADER_BYTES = 100_000_000
const LENGTH_BYTES = 8
const ELEMENT_BYTES = 4
const METADATA = '__metadata__'

interface Dtype {
  /** Of one element. */
  readonly bytes: number
  read(bytes: Uint8Array, offset: number, length: number): Float32Array
}

/** Types that float32 holds without loss. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  F32: { bytes: ELEMENT_BYTES, read: floats },
  F16: { bytes: 2, read: (bytes, at, length) => floatsOfHalves(bytes.subarray(at, at + 2 * length)) },
  BF16: { bytes: 2, read: (bytes, at, length) => floatsOfBfloats(bytes.subarray(at, at + 2 * length)) },
}

/**
 * A file as its parts in order, the header and then a view of each tensor's data, so that a large model is not held twice: a
 * pure function of its arguments, tensors and keys in the order given. Throws `checkpoint_invalid` for a repeated or
 * reserved name and for data that do not fill their shape.
 */
export function encodeTensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : []
  const names = new Set([METADATA])
  let end = 0
  for (const { name, shape, data } of tensors) {
    if (names.has(name)) throw invalid('a different name for each tensor', name)
    if (!isShape(shape) || sizeOf(shape) !== data.length)
      throw invalid(`${name} with as many values as its shape`, `${data.length} values for [${shape.join(', ')}]`)
    names.add(name)
    const start = end
    end += data.length * ELEMENT_BYTES
    entries.push([name, { dtype: 'F32', shape, data_offsets: [start, end] }])
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const headerBytes = Math.ceil(json.length / 8) * 8
  if (headerBytes > MAX_HEADER_BYTES) throw invalid(`a header of at most ${MAX_HEADER_BYTES} bytes`, `${headerBytes}`)

  const header = new Uint8Array(LENGTH_BYTES + headerBytes)
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true)
  header.set(json, LENGTH_BYTES)
  header.fill(0x20, LENGTH_BYTES + json.length)
  return [header, ...tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

/**
 * The reverse. Data are views of `bytes` where their alignment allows, else copies (a `Buffer` from a socket or a pool
 * often starts at an odd address). Throws `checkpoint_invalid` for anything the official reader refuses (a header that
 * is too long, cut or no JSON object; tensors that overlap, leave a gap, do not fill the file or their shape) and for
 * types other than F32, F16 and BF16.
 */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const { header, dataStart } = readHeader(bytes)
  const { [METADATA]: metadata = {}, ...rest } = header
  if (!isObject(metadata) || Object.values(metadata).some(value => typeof value !== 'string'))
    throw invalid(`${METADATA} that maps names to strings`, JSON.stringify(metadata).slice(0, 60))

  const entries = Object.entries(rest)
    .map(([name, entry]) => readEntry(name, entry))
    .sort((left, right) => left.start - right.start || left.end - right.end)
  let end = 0
  const tensors = entries.map(entry => {
    if (entry.start !== end) throw invalid(`${entry.name} to start at byte ${end}`, `byte ${entry.start}`)
    end = entry.end
    if (dataStart + end > bytes.length)
      throw invalid(`${dataStart + end} bytes or more, up to the end of ${entry.name}`, `${bytes.length} bytes`)
    const data = entry.dtype.read(bytes, dataStart + entry.start, (entry.end - entry.start) / entry.dtype.bytes)
    return { name: entry.name, shape: entry.shape, data }
  })
  if (dataStart + end !== bytes.length)
    throw invalid(`a file of ${dataStart + end} bytes, as its header says`, `${bytes.length} bytes`)
  return { tensors, metadata: metadata as Record<string, string> }
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) throw invalid('a safetensors file of at least 8 bytes', `${bytes.length} bytes`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true))
  if (length > MAX_HEADER_BYTES) throw invalid(`a header of at most ${MAX_HEADER_BYTES} bytes`, `${length}`)
  const dataStart = LENGTH_BYTES + length
  if (dataStart > bytes.length) throw invalid(`a header of ${length} bytes`, `a file of ${bytes.length} bytes`)
  const text = bytes.subarray(LENGTH_BYTES, dataStart)
  // "{" first is a rule of the format: it keeps a file from being two formats at once.
  if (text[0] !== 0x7b) throw invalid('a header that starts with {', `byte ${text[0] ?? 'none'}`)
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text))
    if (isObject(header)) return { header, dataStart }
  } catch (cause) {
    throw invalid('a header of UTF-8 JSON', (cause as Error).message, cause)
  }
  throw invalid('a header that is a JSON object', 'another JSON value')
}

interface Entry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

function readEntry(name: string, entry: unknown): Entry {
  if (!isObject(entry)) throw invalid(`${name} to be { dtype, shape, data_offsets }`, JSON.stringify(entry))
  const { shape, data_offsets: offsets } = entry
  const dtype =
    typeof entry['dtype'] === 'string' && Object.hasOwn(DTYPES, entry['dtype']) ? DTYPES[entry['dtype']] : undefined
  if (dtype === undefined)
    throw invalid(`${name} to be of type ${Object.keys(DTYPES).join(', ')}`, JSON.stringify(entry['dtype']) ?? 'none')
  if (!isShape(shape)) throw invalid(`${name} to have a shape of whole numbers`, JSON.stringify(shape) ?? 'none')
  if (!isShape(offsets) || offsets.length !== 2)
    throw invalid(`${name} to have data_offsets [begin, end]`, JSON.stringify(offsets) ?? 'none')
  const [start, end] = offsets as [number, number]
  const wanted = sizeOf(shape) * dtype.bytes
  if (!Number.isSafeInteger(wanted) || end - start !== wanted)
    throw invalid(`${wanted} bytes for ${name} [${shape.join(', ')}]`, `bytes ${start} to ${end}`)
  return { name, dtype, shape, start, end }
}

function floats(bytes: Uint8Array, offset: number, length: number): Float32Array {
  const start = bytes.byteOffset + offset
  if (start % ELEMENT_BYTES === 0) return new Float32Array(bytes.buffer, start, length)
  const copy = new Float32Array(length)
  new Uint8Array(copy.buffer).set(bytes.subarray(offset, offset + copy.byteLength))
  return copy
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(extent => Number.isSafeInteger(extent) && extent >= 0)
}

function invalid(expected: string, received: string, cause?: unknown): FedError {
  return new FedError('checkpoint_invalid', { expected, received, cause })
}
