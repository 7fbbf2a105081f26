import { z } from 'zod'
import { ERROR_CODES } from '../core/error-codes.ts'
import { type ErrorCode, FedError, fromErrorBody } from '../core/errors.ts'

const text = z.string().max(5000)

const errorBodySchema = z.object({
  code: z
    .string()
    .transform((code): ErrorCode => (Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'internal')),
  message: text,
  expected: text.optional(),
  received: text.optional(),
  hint: text.optional(),
})

const ackSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({ ok: z.literal(false), error: errorBodySchema }),
])

/** The data of an ack. Throws the refusal in it as a FedError, `message_invalid` for what is no ack at all. */
export function readAck<T>(ack: unknown): T {
  const result = ackSchema.safeParse(ack)
  if (!result.success)
    throw new FedError('message_invalid', { expected: 'an ack with data or an error', received: typeof ack })
  if (result.data.ok) return result.data.data as T
  throw readErrorBody(result.data.error)
}

/** An error that came over the wire, whatever it may be, as a FedError. */
export function readErrorBody(value: unknown): FedError {
  const result = errorBodySchema.safeParse(value)
  if (!result.success) return new FedError('internal', { received: 'an error without a code' })
  const { code, message, expected, received, hint } = result.data
  return fromErrorBody({
    code,
    message,
    ...(expected !== undefined && { expected }),
    ...(received !== undefined && { received }),
    ...(hint !== undefined && { hint }),
  })
}
