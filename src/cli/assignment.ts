import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import type { Assignment } from '../core/assign.ts'
import { FedError } from '../core/errors.ts'
import { inHome } from '../core/home-path.ts'

/** One `--set`, e.g. `local.optimizer.learningRate=0.1`. The value is YAML: `3`, `true`, `[full, layer]`, `{ name: iid }`, or a bare word. Throws `input_invalid`. */
export function parseAssignment(text: string): Assignment {
  const equals = text.indexOf('=')
  const path = text.slice(0, Math.max(equals, 0)).trim().split('.')
  if (equals < 0 || path.includes(''))
    throw new FedError('input_invalid', {
      expected: '--set KEY=VALUE with a dotted key, e.g. --set clients.total=20',
      received: `--set ${text}`,
    })
  try {
    return { path, value: parse(text.slice(equals + 1)) as unknown }
  } catch (cause) {
    throw new FedError('input_invalid', {
      expected: `a value in YAML for ${path.join('.')}`,
      received: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause),
      cause,
    })
  }
}

/** One `--set` that says where something is now: relative paths start from here, where the command is given. */
export function parseMove(text: string): Assignment {
  const { path, value } = parseAssignment(text)
  return { path, value: typeof value === 'string' && value !== '' ? resolve(inHome(value, homedir())) : value }
}
