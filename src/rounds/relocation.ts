import { type Assignment, assign } from '../core/assign.ts'
import { FedError } from '../core/errors.ts'
import { RUN_FILE_PATHS } from './run-file.ts'

/**
 * The run file of a stored run with its files in another place: the only thing about a run that may change, since it does not
 * decide the result. Paths absolute. Throws `input_invalid` for any other key, and for one that the run file does not name.
 */
export function relocated(runFile: unknown, moves: readonly Assignment[]): unknown {
  return moves.reduce(moved, runFile)
}

function moved(runFile: unknown, { path, value }: Assignment): unknown {
  const key = path.join('.')
  if (!RUN_FILE_PATHS.some(known => known.join('.') === key))
    throw new FedError('input_invalid', {
      expected: `${RUN_FILE_PATHS.map(known => known.join('.')).join(' or ')}: where the files of the run are now`,
      received: `--set ${key}`,
      hint: 'Everything else decides the result: start another run with it',
    })
  if (typeof value !== 'string' || value === '')
    throw new FedError('input_invalid', { expected: `a path after --set ${key}=`, received: JSON.stringify(value) })
  if (at(runFile, path) === undefined)
    throw new FedError('input_invalid', {
      expected: 'a key that the run file of this run has',
      received: `--set ${key}`,
    })
  return assign(runFile, { path, value })
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<string, unknown> | null | undefined)?.[key], tree)
}
