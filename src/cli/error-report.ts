import { CommanderError } from 'commander'
import { ERROR_CODES } from '../core/error-codes.ts'
import { errorBody, FedError, toFedError } from '../core/errors.ts'
import { EXIT, type ExitCode } from '../core/exit-codes.ts'

/** The document on stdout of a command that was refused or broke before it had anything to report. */
export function errorDocument(thrown: unknown): { readonly error: ReturnType<typeof errorBody> } {
  return { error: errorBody(asFedError(thrown)) }
}

/** A few lines for a person: what is wrong, the code, what was expected and given, what to do. */
export function describeError(thrown: unknown): string {
  const { code, detail, cause } = asFedError(thrown)
  const { expected, received, hint, issues = [] } = detail
  const lines = [`error: ${ERROR_CODES[code].message} (${code})`]
  if (expected !== undefined) lines.push(`  expected: ${expected}`)
  if (received !== undefined) lines.push(`  got:      ${received}`)
  for (const { path, message } of issues) lines.push(`  ${path === '' ? '(top level)' : path}: ${message}`)
  if (hint !== undefined) lines.push(`  hint:     ${hint}`)
  if (code === 'internal' && cause === undefined) lines.push('  hint:     LOG_LEVEL=debug shows where it happened')
  return lines.map(line => line.replaceAll('\n', '\n    ')).join('\n')
}

export function exitCodeOfThrown(thrown: unknown): ExitCode {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.completed : EXIT.badInput
  return ERROR_CODES[toFedError(thrown).code].exit
}

/** What commander says is about the command line, hence about input. */
function asFedError(thrown: unknown): FedError {
  if (!(thrown instanceof CommanderError)) return toFedError(thrown)
  return new FedError('input_invalid', { received: thrown.message.replace(/^error: /, ''), cause: thrown })
}
