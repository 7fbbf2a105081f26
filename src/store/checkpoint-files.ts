import { createHash, type Hash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FedError } from '../core/errors.ts'
import { fileTrouble } from '../core/file-trouble.ts'
import type { LayerLayout } from '../core/layout.ts'
import { asShared } from '../core/params.ts'
import type { CheckpointRecord, ModelRecord } from '../core/records.ts'
import type { CheckpointStore } from '../rounds/ports.ts'
import { decodeModel, decodeState, encodeModel, encodeState } from './checkpoint-codec.ts'
import { writeDurably } from './durable-file.ts'

const RUN_ID = /^[A-Za-z0-9_-]{1,64}$/
const FILE = /^runs\/[A-Za-z0-9_-]{1,64}\/round-\d{4,}(\.state|\.global|\.client-\d+)?\.safetensors$/

/**
 * Checkpoints as files below `dataDir`: runs/<run>/round-0005.safetensors is the global model, and beside it
 * round-0005.state.safetensors what the strategy and the clients remember. Models kept for probes are
 * round-0005.client-7.safetensors and round-0005.global.safetensors. A record is returned once both are on the
 * disk for good. Throws `input_invalid` for a run id that could not be a folder's name, and `checkpoint_invalid` for a
 * file that cannot be written, is missing or damaged, or belongs to another layout.
 */
export function checkpointFiles(dataDir: string): CheckpointStore {
  const root = resolve(dataDir)
  const path = (file: string): string => {
    // A record comes from the database, which others can write to.
    if (!FILE.test(file)) throw new FedError('checkpoint_invalid', { expected: `a file like ${FILE}`, received: file })
    return join(root, file)
  }
  const write = async (file: string, parts: readonly Uint8Array[]): Promise<WrittenFile> => {
    const hash = createHash('sha256')
    try {
      await writeDurably(path(file), hashed(piecesOf(parts), hash))
    } catch (cause) {
      throw new FedError('checkpoint_invalid', {
        expected: `to write ${path(file)}`,
        received: (cause as Error).message,
        hint: 'The checkpoint before it is kept',
        cause,
      })
    }
    return { sha256: hash.digest('hex'), bytes: parts.reduce((sum, { byteLength }) => sum + byteLength, 0) }
  }
  const read = async (file: string, sha256: string): Promise<Uint8Array> => {
    const bytes = await readFile(path(file)).catch(cause => {
      throw new FedError('checkpoint_invalid', { expected: path(file), received: fileTrouble(cause), cause })
    })
    const found = await sha256Of(bytes)
    if (found === sha256) return bytes
    throw new FedError('checkpoint_invalid', {
      expected: `${path(file)} with SHA-256 ${sha256}`,
      received: found,
      hint: 'The file was changed or damaged',
    })
  }

  return {
    async save(run, state, layout) {
      const stem = stemOf(run, state.round)
      const [file, stateFile] = [`${stem}.safetensors`, `${stem}.state.safetensors`]
      const model = encodeModel(requireSize(state.params, layout), layout)
      const { sha256: stateSha256 } = await write(stateFile, encodeState(state, layout))
      return { round: state.round, file, ...(await write(file, model)), stateFile, stateSha256 }
    },

    async load(record: CheckpointRecord, layout) {
      const params = decodeModel(await read(record.file, record.sha256), layout)
      return { ...decodeState(await read(record.stateFile, record.stateSha256), layout, record.round), params }
    },

    path: record => path(record.file),

    async saveModel(run, { round, client, params }, layout) {
      const name = client === null ? 'global' : `client-${client}`
      const file = `${stemOf(run, round)}.${name}.safetensors`
      return { round, client, file, ...(await write(file, encodeModel(requireSize(params, layout), layout))) }
    },

    async loadModel(record: ModelRecord, layout) {
      return asShared(decodeModel(await read(record.file, record.sha256), layout))
    },

    async prune(run, round) {
      const folder = join(root, folderOf(run))
      const names = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code === 'ENOENT') return []
        throw thrown
      })
      // Also what a killed process left under a temporary name.
      const old = names.filter(name => {
        const [, number] = /^round-(\d{4,})(?:\.state)?\.safetensors(?:\.tmp)?$/.exec(name) ?? []
        return number !== undefined && Number(number) < round
      })
      await Promise.all(old.map(name => rm(join(folder, name), { force: true })))
    },
  }
}

function stemOf(run: string, round: number): string {
  return `${folderOf(run)}/round-${String(round).padStart(4, '0')}`
}

function folderOf(run: string): string {
  if (RUN_ID.test(run)) return `runs/${run}`
  throw new FedError('input_invalid', { expected: 'a run id of 1 to 64 letters, digits, _ and -', received: run })
}

function requireSize(params: Float32Array, layout: LayerLayout): Float32Array {
  if (params.length === layout.size) return params
  throw new FedError('layout_mismatch', { expected: `${layout.size} parameters`, received: `${params.length}` })
}

interface WrittenFile {
  /** Hex. */
  readonly sha256: string
  readonly bytes: number
}

/** Bytes that are hashed and written at a time: a fraction of a millisecond on the event loop, then others have their turn. */
const PIECE_BYTES = 256 * 1024

/** Large parts are cut, with no copy of a whole model; small ones come together, so that thousands of them are few writes. */
function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let [gathered, size]: [Uint8Array[], number] = [[], 0]
  const joined = () => (gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered))
  for (const part of parts)
    for (let start = 0; start < part.byteLength; start += PIECE_BYTES) {
      const piece = part.subarray(start, start + PIECE_BYTES)
      if (size + piece.byteLength > PIECE_BYTES) {
        yield joined()
        ;[gathered, size] = [[], 0]
      }
      gathered.push(piece)
      size += piece.byteLength
    }
  if (size > 0) yield joined()
}

/** Each piece is hashed on its way to the disk. */
function* hashed(pieces: Iterable<Uint8Array>, hash: Hash): Generator<Uint8Array> {
  for (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}

/** Hex. Computed on Node's thread pool: a large model must not hold up the sockets. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}
