import type { TlsFiles } from '../tls-files.ts'

/** What `fedstrata doctor` finds out: what a coordinator needs of this machine. */
export interface HealthCheck {
  readonly name: string
  /** Never throws: what is wrong is a finding. Leaves nothing behind. */
  examine(place: Place): Promise<Finding>
}

/** Where a coordinator would run. */
export interface Place {
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  readonly host: string
  readonly port: number
  readonly engine: string
  /** Bearer token of REST, when one is set. */
  readonly token: string | undefined
  readonly tls: TlsFiles | undefined
}

export interface Finding {
  /** `warning`: it works, but look. */
  readonly status: 'ok' | 'warning' | 'failed'
  readonly found: string
  /** What to do about it. */
  readonly advice?: string
}

/** What was thrown, as a finding; our errors say what to do themselves. */
export function failure(thrown: unknown, advice?: string): Finding {
  const found = thrown instanceof Error ? thrown.message : String(thrown)
  return { status: 'failed', found, ...(advice !== undefined && { advice }) }
}
