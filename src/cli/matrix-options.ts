import { type Command, Option } from 'commander'
import { type MatrixQuestion, matrixQuestion } from '../rounds/barrier-matrix.ts'

type Key = keyof MatrixQuestion
export type MatrixFlags = Partial<MatrixQuestion>

const KEYS = Object.keys(matrixQuestion.shape) as Key[]

/** An option for each key of a question about the matrix. `bases` is said of the base where it has another default. */
export function addMatrixOptions(command: Command, bases?: string): Command {
  for (const key of KEYS) command.addOption(matrixOption(key, key === 'base' ? bases : undefined))
  return command
}

/** The keys that the command line names, in the order of the schema. */
export function matrixKeysIn(flags: MatrixFlags): readonly Key[] {
  return KEYS.filter(key => flags[key] !== undefined)
}

/** The whole question; what else is among the flags is left alone. */
export function questionOf(flags: MatrixFlags): MatrixQuestion {
  return matrixQuestion.parse(Object.fromEntries(matrixKeysIn(flags).map(key => [key, flags[key]])))
}

function matrixOption(key: Key, otherwise?: string): Option {
  const schema = matrixQuestion.shape[key]
  const description = `${schema.description} (default: ${otherwise ?? schema.parse(undefined)})`
  return new Option(`--${key} <${key}>`, description).choices(schema.unwrap().options)
}
