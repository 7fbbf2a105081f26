import { homedir } from 'node:os'
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../core/duration.ts'
import { FedError } from '../core/errors.ts'
import { inHome } from '../core/home-path.ts'
import { parseOrigin } from '../core/origins.ts'
import { type Environment, readEnvironment } from '../main/environment.ts'
import type { TlsFiles } from '../main/tls-files.ts'
import type { Terminal } from './terminal.ts'

/** The options that say where data lies; the environment fills what is left out. */
export interface StorageFlags {
  readonly databaseUrl?: string
  readonly dataDir?: string
}

export interface CoordinatorFlags extends StorageFlags {
  readonly engine?: string
  readonly dataRoot?: string
  readonly rateLimit?: number
  readonly allowOrigin?: readonly string[]
  readonly trustProxy?: readonly string[]
  readonly tlsCert?: string
  readonly tlsKey?: string
  /** Milliseconds. */
  readonly joinTokenTtl?: number
  /** Milliseconds. */
  readonly shutdownTimeout?: number
  readonly host: string
  readonly port: number
}

export const engineOption = () =>
  new Option('--engine <name>', 'tensorflow, webgpu, wasm, cpu, or auto: the best one on this machine (default: auto)')
export const jsonOption = () => new Option('--json', 'print one JSON document on stdout, and nothing else there')
export const hostOption = () =>
  new Option('--host <address>', 'address to listen on; other than loopback needs FEDSTRATA_TOKEN').default('127.0.0.1')
export const databaseOption = () =>
  new Option('--database-url <url>', 'SQLite file or postgresql://… (default: fedstrata.db in the data directory)')
export const dataDirOption = () =>
  new Option('--data-dir <dir>', 'folder of the database and the models (default: ./var)').argParser(pathOf)
export const dataRootOption = () =>
  new Option(
    '--data-root <dir>',
    'folder from which run files sent over REST may read data and models (default: none)',
  ).argParser(pathOf)
export const tlsCertOption = () =>
  new Option(
    '--tls-cert <file>',
    'certificate in PEM format, to encrypt REST and Socket.IO (default: no encryption)',
  ).argParser(pathOf)
export const tlsKeyOption = () =>
  new Option('--tls-key <file>', 'private key of the certificate, in PEM format').argParser(pathOf)
export const rateLimitOption = () =>
  new Option(
    '--rate-limit <number>',
    'REST requests allowed per minute and address; 0 = unlimited (default: 0 on loopback, else 1200)',
  ).argParser(wholeNumber(0, 1_000_000))
export const allowOriginOption = () =>
  new Option(
    '--allow-origin <origins...>',
    'origins whose web pages may use REST and the sockets, e.g. https://fed.example (default: none)',
  ).argParser((text: string, list: readonly string[] | undefined) => [...(list ?? []), originOf(text)])
export const trustProxyOption = () =>
  new Option(
    '--trust-proxy <addresses...>',
    'proxies whose x-forwarded-for header is trusted: addresses, networks, loopback or uniquelocal (default: none)',
  )
export const shutdownTimeoutOption = () =>
  new Option(
    '--shutdown-timeout <time>',
    'time limit of a clean shutdown after Ctrl-C or SIGTERM, e.g. 2m (default: 25s)',
  ).argParser(duration)
export const joinTokenTtlOption = () =>
  new Option(
    '--join-token-ttl <time>',
    'how long join tokens are valid, e.g. 24h (default: as long as the run is active)',
  ).argParser(duration)
export const portOption = (otherwise: number, description = 'TCP port') =>
  new Option('--port <number>', `${description}; 0 = any free port`).default(otherwise).argParser(wholeNumber(0, 65535))
export const setOption = () =>
  new Option('--set <key=value>', 'change a key of the run file, e.g. --set rounds=3 (repeatable; the value is YAML)')
    .argParser((text: string, list: readonly string[]) => [...list, text])
    .default([], 'none')
export const placeOption = () =>
  new Option(
    '--set <key=path>',
    'where the files of the run are now, if they were moved: data.dir or model.path (repeatable)',
  )
    .argParser((text: string, list: readonly string[]) => [...list, text])
    .default([], 'where they were')
export const workersOption = () =>
  new Option(
    '--workers <number>',
    'client processes to start; 0 = wait for clients from elsewhere (default: one per core)',
  ).argParser(wholeNumber(0, 256))

/** A commander parser of paths: `~` is the user's home, also where no shell has seen to it. */
export function pathOf(text: string): string {
  return inHome(text, homedir())
}

/** A commander parser; what it throws, commander reports together with the option's name. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

function originOf(text: string): string {
  const origin = parseOrigin(text)
  if (origin !== null) return origin
  throw new InvalidArgumentError('Expected an origin like https://fed.example, without a path.')
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms !== null) return ms
  throw new InvalidArgumentError('Expected a time like 15m, 24h or 7d.')
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
    requestsPerMinute: flags.rateLimit ?? environment.FEDSTRATA_RATE_LIMIT,
    joinTokenTtlMs: flags.joinTokenTtl ?? environment.FEDSTRATA_JOIN_TOKEN_TTL,
  }
}

/** Certificate and key: both, or neither. `simulate` takes none, since its own clients connect on this machine. */
export function tlsFilesOf(flags: CoordinatorFlags, environment: Environment): TlsFiles | undefined {
  const cert = flags.tlsCert ?? environment.FEDSTRATA_TLS_CERT
  const key = flags.tlsKey ?? environment.FEDSTRATA_TLS_KEY
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert === undefined && key === undefined) return undefined
  throw new FedError('input_invalid', {
    expected: 'a certificate and its key, --tls-cert and --tls-key (or FEDSTRATA_TLS_CERT and FEDSTRATA_TLS_KEY)',
    received: `only the ${key === undefined ? 'certificate' : 'key'}`,
  })
}

/** What only `serve` lets in besides programs of this machine; `simulate` serves its own clients. */
export function accessOf(flags: CoordinatorFlags, environment: Environment) {
  return {
    tls: tlsFilesOf(flags, environment),
    allowOrigins: flags.allowOrigin ?? environment.FEDSTRATA_ALLOW_ORIGIN,
    trustProxies: flags.trustProxy ?? environment.FEDSTRATA_TRUST_PROXY,
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
