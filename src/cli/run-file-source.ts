import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { assign } from '../core/assign.ts'
import { FedError, type Issue } from '../core/errors.ts'
import { fileKind } from '../core/file-kind.ts'
import { fileTrouble } from '../core/file-trouble.ts'
import { inHome } from '../core/home-path.ts'
import { textOf } from '../core/text-file.ts'
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
  const located = withAbsolutePaths(input, dirname(resolve(file)))
  try {
    return { input: located, runFile: parseRunFile(located) }
  } catch (error) {
    if (!(error instanceof FedError)) throw error
    const { issues = [], ...detail } = error.detail
    const told = issues.map(issue => blamed(issue, assignments, written))
    const isOfFile = issues.length === 0 || told.some((issue, i) => issue === issues[i])
    throw new FedError(error.code, { ...detail, ...(isOfFile && { received: file }), issues: told, cause: error })
  }
}

/** An issue with the `--set` that brought it; as it is where the file did. */
function blamed(issue: Issue, assignments: readonly string[], written: unknown): Issue {
  const keys = issue.path.split('.')
  const culprit = assignments.findLast(text => {
    const { path } = parseAssignment(text)
    // Of a key that the file does not have, the assignment may have made a whole section.
    return begins(keys, path) || (begins(path, keys) && at(written, keys) === undefined)
  })
  return culprit === undefined ? issue : { ...issue, message: `${issue.message} (in --set ${culprit})` }
}

function begins(path: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((key, i) => path[i] === key)
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<string, unknown> | null | undefined)?.[key], tree)
}

/** Relative paths start from `folder`, that of the run file wherever the command is given; `~` is the user's home. */
export function withAbsolutePaths(input: unknown, folder: string): unknown {
  return RUN_FILE_PATHS.reduce((tree, [section, key]) => absolute(tree, section, key, folder), input)
}

/** What a file says, `what` being what it should be. Throws `file_unreadable`, and `run_file_invalid` for its syntax. */
export async function readYaml(file: string, what: string): Promise<unknown> {
  return parseText(await readText(file, what), file)
}

async function readText(file: string, what: string): Promise<string> {
  const unreadable = (received: string, cause?: unknown) =>
    new FedError('file_unreadable', {
      expected: `${what} at ${resolve(file)}`,
      received,
      hint: 'examples/ has some to start from',
      cause,
    })
  const bytes = await readFile(file).catch(cause => {
    throw unreadable(fileTrouble(cause), cause)
  })
  const text = textOf(bytes)
  if (text === null)
    throw unreadable(fileKind(bytes)?.what ?? 'bytes that are no text (UTF-8, or UTF-16 with a byte order mark)')
  return text
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
    ? assign(tree, { path: [section, key], value: resolve(folder, inHome(path, homedir())) })
    : tree
}
