import { type Command, Option } from 'commander'
import { z } from 'zod'
import { validate } from '../core/validate.ts'

/** What commander made of the options: text by key. */
type Flags = Readonly<Record<string, unknown>>

/** An option for each key of a question that REST takes as a query: the same names, values and defaults. */
export function addQuestionOptions(command: Command, question: z.ZodObject): Command {
  for (const [key, schema] of Object.entries(question.shape)) command.addOption(optionOf(key, schema as z.ZodType))
  return command
}

/** The keys of `question` that the command line names, in the order of the schema. */
export function questionKeysIn(question: z.ZodObject, flags: Flags): readonly string[] {
  return Object.keys(question.shape).filter(key => flags[key] !== undefined)
}

/** The question with its defaults; what else is among the flags is left alone. Throws `input_invalid`. */
export function questionOf<S extends z.ZodObject>(question: S, flags: Flags): z.output<S> {
  return validate(question, Object.fromEntries(questionKeysIn(question, flags).map(key => [key, flags[key]])))
}

function optionOf(key: string, schema: z.ZodType): Option {
  const byDefault = schema instanceof z.ZodDefault ? ` (default: ${String(schema.parse(undefined))})` : ''
  const name = key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const option = new Option(`--${name} <${name}>`, `${schema.description}${byDefault}`)
  const value = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema
  return value instanceof z.ZodEnum ? option.choices(value.options.map(String)) : option
}
