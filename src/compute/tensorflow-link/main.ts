import { toFedError } from '../../core/errors.ts'
import { prepareEngine } from '../choose.ts'
import { link } from './link.ts'
import { thisMachine } from './machine.ts'
import { findPieces } from './pieces.ts'

/**
 * `npm run tensorflow:link`: the engine `tensorflow` with the TensorFlow that is already on this machine, in Python.
 * Downloads nothing. Ends with the engine's self-test.
 */
const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const pieces = findPieces(thisMachine)
  for (const [piece, path] of Object.entries(pieces)) say(`${piece.padEnd(11)} ${path}`)
  say('building …')
  link(pieces, thisMachine)
  const { version, device } = await prepareEngine('tensorflow')
  say(`TensorFlow ${version} on ${device.kind}: ${device.description}. Self-test passed; use --engine tensorflow`)
} catch (error) {
  process.stderr.write(`${toFedError(error).message}\n`)
  process.exitCode = 1
}
