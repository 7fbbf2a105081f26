/**
 * Prisma without its native schema engine, so that everything works offline:
 *
 *   node prisma/tool.mjs generate          both clients, from models.prisma and the two headers
 *   node prisma/tool.mjs migration NAME    the next migration for both databases, then the clients
 *   node prisma/tool.mjs check             fails when clients or migrations do not belong to models.prisma
 *
 * A migration's directory also holds the whole schema after it: `check` derives every migration again from these.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const providers = ['sqlite', 'postgresql']
const clientFolder = provider => join(here, '..', 'src', 'store', 'generated', provider)
const migrationFolder = provider => join(here, 'migrations', provider)
const read = (...parts) => readFileSync(join(...parts), 'utf8')

/** The whole schema of one database: its header and the shared models. */
const schemaOf = provider => `${read(here, `${provider}.prisma`)}\n${read(here, 'models.prisma')}`

/** Runs `use(folder)` with the freshly generated client of `provider`. */
function withGenerated(provider, use) {
  const folder = mkdtempSync(join(tmpdir(), 'fedstrata-prisma-'))
  try {
    const schema = join(folder, 'schema.prisma')
    writeFileSync(schema, schemaOf(provider))
    // `generate` insists on an engine binary that it never starts: any existing file satisfies it.
    const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', ...process.env }
    const prisma = require.resolve('prisma/build/index.js')
    const { status, stdout, stderr } = spawnSync(process.execPath, [prisma, 'generate', '--schema', schema], {
      env,
      cwd: here,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`prisma generate failed for ${provider}:\n${stdout}${stderr}`)
    return use(join(folder, 'client'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function generate() {
  for (const provider of providers)
    withGenerated(provider, folder => {
      rmSync(clientFolder(provider), { recursive: true, force: true })
      cpSync(folder, clientFolder(provider), { recursive: true })
    })
}

/** `(provider, before, after) → SQL`, by Prisma's own engine compiled to WebAssembly; before null = an empty database. */
async function schemaDiff() {
  const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const { bindMigrationAwareSqlAdapterFactory, mockMigrationAwareAdapterFactory } = await import(
    '@prisma/driver-adapter-utils'
  )
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: message => process.stderr.write(`${message}\n`) }
  const wasm = join(dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')), 'schema_engine_bg.wasm')
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm), { './schema_engine_bg.js': engine })
  engine.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()

  return async (provider, before, after) => {
    const file = content => [{ path: 'schema.prisma', content }]
    const factory = bindMigrationAwareSqlAdapterFactory(
      provider === 'sqlite' ? mockMigrationAwareAdapterFactory('sqlite') : postgresqlWithoutServer(),
    )
    const session = await engine.SchemaEngine.new({ datamodels: [['schema.prisma', after]] }, () => {}, factory)
    const { stdout } = await session.diff({
      from: before === null ? { tag: 'empty' } : { tag: 'schemaDatamodel', files: file(before) },
      to: { tag: 'schemaDatamodel', files: file(after) },
      script: true,
      exitCode: null,
      shadowDatabaseUrl: null,
      filters: { externalTables: [], externalEnums: [] },
    })
    return stdout.trim() === '' || stdout.includes('-- This is an empty migration.') ? '' : `${stdout.trim()}\n`
  }
}

/** The engine only asks a PostgreSQL database for its version before it compares two schemas. */
function postgresqlWithoutServer() {
  const adapter = {
    provider: 'postgres',
    adapterName: 'none',
    queryRaw: async () => ({
      columnNames: ['ok', 'version', 'number'],
      columnTypes: [5, 7, 0],
      rows: [[true, 'PostgreSQL 16.0', 160000]],
    }),
    executeRaw: async () => 0,
    executeScript: async () => {},
    getConnectionInfo: () => ({ schemaName: 'public', supportsRelationJoins: true }),
    dispose: async () => {},
  }
  return {
    provider: 'postgres',
    adapterName: 'none',
    connect: async () => adapter,
    connectToShadowDb: async () => adapter,
  }
}

const migrationNames = provider =>
  existsSync(migrationFolder(provider))
    ? readdirSync(migrationFolder(provider), { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => entry.name)
        .sort()
    : []

const snapshotOf = (provider, name) => (name ? read(migrationFolder(provider), name, 'schema.prisma') : null)

async function migration(name) {
  if (!/^[a-z][a-z0-9_]*$/.test(name ?? '')) throw new Error('usage: migration NAME, e.g. add_run_labels')
  const diff = await schemaDiff()
  const number = String(Math.max(...providers.map(provider => migrationNames(provider).length)) + 1).padStart(4, '0')
  for (const provider of providers) {
    const sql = await diff(provider, snapshotOf(provider, migrationNames(provider).at(-1)), schemaOf(provider))
    if (sql === '') throw new Error(`${provider}: models.prisma has not changed since the last migration`)
    const folder = join(migrationFolder(provider), `${number}_${name}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'migration.sql'), sql)
    writeFileSync(join(folder, 'schema.prisma'), schemaOf(provider))
    writeFileSync(
      join(migrationFolder(provider), 'migration_lock.toml'),
      `# Prisma reads this to know the database of these migrations.\nprovider = "${provider}"\n`,
    )
    process.stdout.write(`${join(folder, 'migration.sql')}\n`)
  }
  generate()
}

const filesBelow = folder =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort()
    : []

async function check() {
  const problems = []
  const diff = await schemaDiff()
  for (const provider of providers) {
    withGenerated(provider, folder => {
      const committed = clientFolder(provider)
      for (const file of new Set([...filesBelow(folder), ...filesBelow(committed)])) {
        const [fresh, kept] = [folder, committed].map(root => (existsSync(join(root, file)) ? read(root, file) : null))
        if (fresh !== kept) problems.push(`src/store/generated/${provider}/${file} differs: run prisma:generate`)
      }
    })
    const names = migrationNames(provider)
    for (const [index, name] of names.entries()) {
      const sql = await diff(provider, snapshotOf(provider, names[index - 1]), snapshotOf(provider, name))
      if (sql !== read(migrationFolder(provider), name, 'migration.sql'))
        problems.push(`prisma/migrations/${provider}/${name}/migration.sql does not lead to the schema beside it`)
    }
    if ((await diff(provider, snapshotOf(provider, names.at(-1)), schemaOf(provider))) !== '')
      problems.push(`${provider}: models.prisma has changed: run prisma:migration -- NAME`)
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

const [command, argument] = process.argv.slice(2)
try {
  if (command === 'generate') generate()
  else if (command === 'migration') await migration(argument)
  else if (command === 'check') await check()
  else throw new Error('usage: node prisma/tool.mjs generate | migration NAME | check')
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
