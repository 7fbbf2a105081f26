/** The part of a pino logger that both ends of a connection use. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export const silent: Log = { debug() {}, info() {}, warn() {} }
