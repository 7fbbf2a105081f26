import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FedError } from '../core/errors.ts'

export type Provider = 'sqlite' | 'postgresql'

export interface Migration {
  /** Directory name: a number and a word, applied in this order. */
  readonly name: string
  readonly sql: string
  /** SHA-256 of migration.sql, lowercase hex, as Prisma computes it. */
  readonly checksum: string
}

/** The migrations that came with this version, oldest first. */
export async function readMigrations(provider: Provider): Promise<readonly Migration[]> {
  const folder = migrationFolder(provider)
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter(entry => entry.isDirectory() && /^[\w-]+$/.test(entry.name)).map(entry => entry.name)
  return Promise.all(
    names.sort().map(async name => {
      const bytes = await readFile(join(folder, name, 'migration.sql'))
      return { name, sql: bytes.toString(), checksum: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
}

/** Found by walking up, because the compiled file lies one level deeper than its source. */
function migrationFolder(provider: Provider): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'prisma', 'migrations', provider)
    if (existsSync(join(candidate, 'migration_lock.toml'))) return candidate
    if (folder === dirname(folder))
      throw new FedError('internal', { expected: `prisma/migrations/${provider} beside the program`, received: 'none' })
  }
}
