import { z } from 'zod'
import { FedError } from './errors.ts'
import { didYouMean } from './suggest.ts'

/** Something a run file can name: its name, one sentence for people, and the schema of its options (with `name`). */
export interface Component<S extends z.ZodObject = z.ZodObject> {
  readonly name: string
  readonly summary: string
  readonly schema: S
}

type Schemas<T extends readonly Component[]> = { -readonly [K in keyof T]: T[K]['schema'] }

export interface Registry<T extends readonly [Component, ...Component[]]> {
  /** What its members are called in messages and over REST, e.g. "partitioner". */
  readonly kind: string
  readonly members: T
  /** A union discriminated by `name`, of all members' schemas. */
  readonly schema: z.ZodDiscriminatedUnion<Schemas<T> extends infer U extends readonly z.core.SomeType[] ? U : never>
  /** The member of that name; throws `input_invalid` with the name that was meant. */
  named(name: string): T[number]
}

export function registry<const T extends readonly [Component, ...Component[]]>(kind: string, members: T): Registry<T> {
  const schemas = members.map(member => member.schema) as [z.ZodObject, ...z.ZodObject[]]
  return {
    kind,
    members,
    schema: z.discriminatedUnion('name', schemas as never) as never,
    named(name) {
      const member = members.find(candidate => candidate.name === name)
      if (member) return member
      const names = members.map(candidate => candidate.name)
      const hint = didYouMean(name, names)
      throw new FedError('input_invalid', {
        expected: `a ${kind}: ${names.join(', ')}`,
        received: `"${name}"`,
        ...(hint !== undefined && { hint }),
      })
    },
  }
}
