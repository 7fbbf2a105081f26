import type { Finding, HealthCheck, Place } from './check.ts'
import { clock } from './clock.ts'
import { database } from './database.ts'
import { engine } from './engine.ts'
import { folder } from './folder.ts'
import { node } from './node.ts'
import { port } from './port.ts'
import { tls } from './tls.ts'

/** To add a check: its file, its line here. */
const CHECKS: readonly HealthCheck[] = [node, engine, folder, database, port, tls, clock]

export type NamedFinding = Finding & { readonly check: string }

/** What this machine lacks to run a coordinator, one finding a check. */
export async function examine(place: Place): Promise<readonly NamedFinding[]> {
  const findings: NamedFinding[] = []
  for (const { name, examine } of CHECKS) findings.push({ check: name, ...(await examine(place)) })
  return findings
}
