import { randomBytes } from 'node:crypto'

/** A run's id: its moment of creation (UTC) and four random characters, e.g. "20261123-160244-k3fa": readable, sortable. */
export function runSignature(now: Date): string {
  const [day, time] = now.toISOString().slice(0, 19).replace(/[-:]/g, '').split('T')
  const suffix = randomBytes(4).readUInt32LE().toString(36).padStart(4, '0').slice(-4)
  return `${day}-${time}-${suffix}`
}
