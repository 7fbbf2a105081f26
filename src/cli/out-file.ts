import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FedError } from '../core/errors.ts'

/** Refuses a file that could not be written, before anything is measured for it. `option`: where it was named. */
export async function requireWritable(file: string, option: string): Promise<void> {
  const isFolder = await stat(file).then(
    found => found.isDirectory(),
    () => false,
  )
  if (isFolder) throw unwritable(file, option, new Error('a folder'))
  await access(dirname(resolve(file)), constants.W_OK).catch(cause => {
    throw unwritable(file, option, cause)
  })
}

/** Throws `input_invalid` where it cannot be written. */
export async function writeOut(file: string, text: string, option: string): Promise<void> {
  await writeFile(file, text).catch(cause => {
    throw unwritable(file, option, cause)
  })
}

function unwritable(file: string, option: string, cause: unknown): FedError {
  const received = `${file}: ${cause instanceof Error ? cause.message : String(cause)}`
  return new FedError('input_invalid', { expected: `a file that can be written after ${option}`, received, cause })
}
