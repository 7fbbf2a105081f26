import { z } from 'zod'
import { ERROR_CODES } from '../../core/error-codes.ts'
import { type ErrorCode, errorBody, type FedError } from '../../core/errors.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** The body of every error: RFC 9457, with the code that programs switch on. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'names the kind of problem: urn:fedstrata:error:<code>' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'what was asked for' }),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    expected: z.string().optional(),
    received: z.string().optional(),
    hint: z.string().optional(),
  })
  .meta({ id: 'Problem' })

export type Problem = z.infer<typeof problemSchema>

/** An error with the status it is answered with: HTTP tells a little more apart than the codes do. */
export interface Refusal {
  readonly error: FedError
  readonly status: number
}

export function problemOf({ error, status }: Refusal, instance: string): Problem {
  const { code, message, issues, ...rest } = errorBody(error)
  return {
    type: `urn:fedstrata:error:${code}`,
    title: ERROR_CODES[code].message,
    status,
    detail: message,
    instance,
    code,
    ...(issues && { issues: [...issues] }),
    ...rest,
  }
}
