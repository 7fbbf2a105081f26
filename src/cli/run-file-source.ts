import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { assign } from '../core/assign.ts'
import { FedError } from '../core/errors.ts'
import { parseRunFile, RUN_FILE_PATHS, type RunFile } from '../rounds/run-file.ts'
import { parseAssignment } from './assignment.ts'

/** A run file as it will be stored (`input`: as written, paths absolute), and as it was understood. */
export interface LoadedRunFile {
  readonly input: unknown
  readonly runFile: RunFile
}

/**
 * Reads a run file (YAML, or JSON, which is YAML), applies `--set` assignments in order, and validates the result.
 * Throws `file_unreadable`, `input_invalid` (an assignment), and `run_file_invalid`: a syntax error with line and
 * column, or one issue per wrong key.
 */
export async function loadRunFile(file: string, assignments: readonly string[] = []): Promise<LoadedRunFile> {
  const written = await readYaml(file, 'a run file')
  const input = assignments.map(parseAssignment).reduce(assign, written)
  // Relative paths start from the run file's folder, wherever the command is given.
  const located = RUN_FILE_PATHS.reduce(
    (tree, [section, key]) => absolute(tree, section, key, dirname(resolve(file))),
    input,
  )
  try {
    return { input: located, runFile: parseRunFile(located) }
  } catch (error) {
    if (!(error instanceof FedError)) throw error
    throw new FedError(error.code, { ...error.detail, received: file, cause: error })
  }
}

/** What a file says, `what` being what it should be. Throws `file_unreadable`, and `run_file_invalid` for its syntax. */
export async function readYaml(file: string, what: string): Promise<unknown> {
  return parseText(await readText(file, what), file)
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const received = { ENOENT: 'no such file', EISDIR: 'a folder', EACCES: 'a file without read permission' }
    throw new FedError('file_unreadable', {
      expected: `${what} at ${resolve(file)}`,
      received: received[code as keyof typeof received] ?? message,
      hint: 'examples/ has some to start from',
      cause,
    })
  }
}

function parseText(text: string, file: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true })
  const [problem] = document.errors
  if (problem) {
    const { line, col } = lineCounter.linePos(problem.pos[0])
    throw new FedError('run_file_invalid', {
      expected: 'YAML or JSON',
      received: `${file}, line ${line}, column ${col}: ${problem.message}`,
    })
  }
  try {
    return document.toJS()
  } catch (cause) {
    throw new FedError('run_file_invalid', { expected: 'YAML or JSON', received: `${file}: ${String(cause)}`, cause })
  }
}

function absolute(tree: unknown, section: string, key: string, folder: string): unknown {
  const part = (tree as Record<string, unknown> | null)?.[section]
  const path = (part as Record<string, unknown> | null | undefined)?.[key]
  return typeof path === 'string' && path !== ''
    ? assign(tree, { path: [section, key], value: resolve(folder, path) })
    : tree
}
