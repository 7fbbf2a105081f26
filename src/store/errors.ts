import { FedError } from '../core/errors.ts'

/** The part of Prisma's errors that we read; its classes differ between the two generated clients. */
interface DatabaseFault {
  readonly name?: string
  readonly code?: string
  readonly cause?: unknown
  readonly message?: string
}

/** Prisma's code, e.g. "P2002" for a broken unique constraint; undefined for anything else. */
export function prismaCode(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as DatabaseFault
  return typeof code === 'string' && /^P\d{4}$/.test(code) ? code : undefined
}

/**
 * What a database threw, as `database_invalid` with the driver's own words; `internal` when the rows were at fault.
 * `database` is what people call it: no password in it.
 */
export function databaseError(thrown: unknown, database: string): FedError {
  if (thrown instanceof FedError) return thrown
  const fault = (thrown ?? {}) as DatabaseFault
  const received = words(thrown)
  if (fault.name === 'PrismaClientValidationError') return new FedError('internal', { received, cause: thrown })
  const hint = hintFor(received)
  return new FedError('database_invalid', {
    expected: `${database} to answer`,
    received,
    cause: thrown,
    ...(hint !== undefined && { hint }),
  })
}

/** The innermost message: adapters wrap the driver's, Prisma wraps the adapter's with a page of context. */
function words(thrown: unknown): string {
  const fault = (thrown ?? {}) as DatabaseFault & { originalMessage?: string; kind?: string; meta?: unknown }
  const inner = fault.cause ?? (fault.meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError
  if (inner !== undefined && inner !== null && words(inner) !== '') return words(inner)
  const lines = (fault.originalMessage ?? fault.message ?? fault.kind ?? '').trim().split('\n')
  return lines.at(-1)?.trim() || fault.code || ''
}

/** Whether the same write may succeed in a while: another process has the lock, or the server is away or starting. */
export function isPassing(thrown: unknown): boolean {
  if (thrown instanceof FedError) return false
  if (prismaCode(thrown) === 'P1008' || prismaCode(thrown) === 'P1001' || prismaCode(thrown) === 'P1017') return true
  return PASSING.test(words(thrown))
}

/** Locks; connections that broke, or came to nothing; and a PostgreSQL server (57P03) that does not serve yet, or no more. */
const PASSING =
  /locked|busy|SocketTimeout|ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|terminat|connection timeout|timeout exceeded|starting up|shutting down|recovery mode|not (yet )?accepting connections/i

function hintFor(message: string): string | undefined {
  if (/locked|busy|SocketTimeout/i.test(message)) return 'Another process is writing to it: end that, or try again'
  if (/not a database|malformed|corrupt/i.test(message)) return 'Restore the file, or name another one'
  if (/full/i.test(message)) return 'Free some space on that disk; complete rounds are safe'
  if (/unable to open|read-?only|permission|EACCES|EROFS/i.test(message))
    return 'Check that the file and its folder can be written'
  if (/ECONNREFUSED|ENOTFOUND|timeout|authentication/i.test(message)) return 'Check DATABASE_URL and the server'
  return undefined
}
