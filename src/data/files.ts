import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { FedError } from '../core/errors.ts'

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
        received: cause instanceof Error ? cause.message : String(cause),
        cause,
      })
    }
  }
  return null
}

/** Pieces of 1 MiB: with Node's 16 KiB the 47 MB of MNIST take twice as long. */
const UNPACKING = { chunkSize: 1 << 20 }

async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes, UNPACKING) : bytes
}
