import { InvalidArgumentError, Option } from 'commander'
import { type Environment, readEnvironment } from '../main/environment.ts'
import type { Terminal } from './terminal.ts'

/** The options that say where data lies; the environment fills what is left out. */
export interface StorageFlags {
  readonly databaseUrl?: string
  readonly dataDir?: string
}

export interface CoordinatorFlags extends StorageFlags {
  readonly engine?: string
  readonly dataRoot?: string
  readonly host: string
  readonly port: number
}

export const engineOption = () =>
  new Option('--engine <name>', 'tensorflow, webgpu, wasm, cpu, or auto: the best one here (default: auto)')
export const jsonOption = () => new Option('--json', 'print one JSON document on stdout, and nothing else there')
export const hostOption = () =>
  new Option('--host <address>', 'where to listen; off loopback FEDSTRATA_TOKEN must be set').default('127.0.0.1')
export const databaseOption = () =>
  new Option('--database-url <url>', 'SQLite file or postgresql://… (default: fedstrata.db in the data directory)')
export const dataDirOption = () =>
  new Option('--data-dir <dir>', 'folder of the database and the models (default: ./var)')
export const dataRootOption = () =>
  new Option('--data-root <dir>', 'folder of data and models that run files sent over REST may name (default: none)')
export const portOption = (otherwise: number, description = 'TCP port') =>
  new Option('--port <number>', `${description}; 0 takes any free one`)
    .default(otherwise)
    .argParser(wholeNumber(0, 65535))
export const setOption = () =>
  new Option('--set <key=value>', 'change a key of the run file, e.g. --set rounds=3 (repeatable; the value is YAML)')
    .argParser((text: string, list: readonly string[]) => [...list, text])
    .default([], 'none')
export const workersOption = () =>
  new Option(
    '--workers <number>',
    'client processes; 0 waits for clients from elsewhere (default: one per core)',
  ).argParser(wholeNumber(0, 256))

/** A commander parser; what it throws, commander reports together with the option's name. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

export function storageOf(flags: StorageFlags, environment: Environment) {
  return {
    databaseUrl: flags.databaseUrl ?? environment.DATABASE_URL,
    dataDir: flags.dataDir ?? environment.FEDSTRATA_DATA_DIR,
  }
}

/** What `startCoordinator` takes, from the command line first and the environment second. */
export function coordinatorOptionsOf(flags: CoordinatorFlags, environment: Environment) {
  return {
    ...storageOf(flags, environment),
    host: flags.host,
    port: flags.port,
    dataRoot: flags.dataRoot ?? environment.FEDSTRATA_DATA_ROOT,
    engine: flags.engine ?? environment.FEDSTRATA_ENGINE,
    token: environment.FEDSTRATA_TOKEN,
    joinToken: environment.FEDSTRATA_JOIN_TOKEN,
  }
}

/** The words that name the same database again, for commands that are shown to people: "" when they are the default. */
export function storageWords(flags: StorageFlags): string {
  const words = [
    flags.dataDir === undefined ? '' : ` --data-dir ${quoted(flags.dataDir)}`,
    flags.databaseUrl === undefined ? '' : ` --database-url ${quoted(withoutPassword(flags.databaseUrl))}`,
  ]
  return words.join('')
}

export function environmentOf(terminal: Terminal): Environment {
  return readEnvironment(terminal.variables)
}

export function quoted(word: string): string {
  return /^[\w./:@%+=~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^:/@]*):[^@/]*@/, '$1:…@')
}
