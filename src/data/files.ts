import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { FedError } from '../core/errors.ts'
import { fileTrouble } from '../core/file-trouble.ts'

/** The bytes of a data file, unpacked, and the path they came from. */
export interface DataFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Reads the first of `names` that is in `dir`, plain or gzip (told by its first two bytes, not by its name).
 * Throws `data_missing` with the folder, the names looked for and `hint`; `data_invalid` when it cannot be read.
 */
export async function readDataFile(dir: string, names: readonly string[], hint: string): Promise<DataFile> {
  const file = await findDataFile(dir, names)
  if (file) return file
  throw new FedError('data_missing', {
    expected: `${names.join(' or ')} in ${resolve(dir)}`,
    received: 'no such file',
    hint,
  })
}

/** As `readDataFile`, with null when none of the names is there. */
export async function findDataFile(dir: string, names: readonly string[]): Promise<DataFile | null> {
  for (const name of names) {
    const path = resolve(join(dir, name))
    try {
      return { path, bytes: await unpack(await readFile(path)) }
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new FedError('data_invalid', {
        expected: `a readable file ${path}`,
        received: fileTrouble(cause),
        cause,
      })
    }
  }
  return null
}

const MIB = 2 ** 20
/** More than this is never set aside on a file's word alone. */
const MOST_AT_ONCE = 256 * MIB

async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes
  return promisify(gunzip)(bytes, { chunkSize: unpackedPiece(bytes) })
}

/**
 * In one piece where the file's last four bytes say how long it is unpacked (RFC 1952, ISIZE): pieces have to be copied
 * together, which doubles the time for the 47 MB of MNIST, and Node's own pieces of 16 KiB double it again.
 */
function unpackedPiece(bytes: Uint8Array): number {
  if (bytes.length < 18) return MIB // no gzip file is as short; zlib says so
  const size = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true) + 1
  return Math.min(Math.max(size, MIB), MOST_AT_ONCE, 2000 * bytes.length + MIB)
}
