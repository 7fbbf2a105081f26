import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FedError } from '../core/errors.ts'
import { fileTrouble } from '../core/file-trouble.ts'

/** What a command writes, and the names that say so: another name would promise a format that it is not. */
const FORMATS = {
  svg: { what: 'SVG', endings: ['.svg'] },
  markdown: { what: 'Markdown', endings: ['.md', '.markdown'] },
  json: { what: 'JSON', endings: ['.json'] },
} as const

/**
 * Refuses a file that could not be written, or whose name says another format than is written, before anything is measured
 * for it. `option`: where it was named. A device such as /dev/stdout may have any name.
 */
export async function requireWritable(file: string, option: string, format: keyof typeof FORMATS): Promise<void> {
  const found = await stat(file).catch(() => null)
  if (found?.isDirectory())
    throw new FedError('input_invalid', { expected: expectedAfter(option), received: `${file}: a folder` })
  if (found && !found.isFile()) return
  const { what, endings } = FORMATS[format]
  if (!endings.some(ending => file.toLowerCase().endsWith(ending)))
    throw new FedError('input_invalid', {
      expected: `a name that ends in ${endings.join(' or ')} after ${option}: ${what} is what is written there`,
      received: file,
    })
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
  const received = `${file}: ${fileTrouble(cause)}`
  return new FedError('input_invalid', { expected: expectedAfter(option), received, cause })
}

function expectedAfter(option: string): string {
  return `a file that can be written after ${option}`
}
