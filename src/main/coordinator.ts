import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { Server } from 'socket.io'
import { FedError } from '../core/errors.ts'
import { type LogLevels, type LogModule, levelOf } from '../core/log-levels.ts'
import { type EngineMemory, startCompute } from '../rounds/compute.ts'
import type { Clock, RunNotice, Store } from '../rounds/ports.ts'
import { buildApp } from '../server/http/app.ts'
import { countNotice, createServerMetrics, watchCompute, watchStore } from '../server/http/server-metrics.ts'
import { socketGateway } from '../server/socket/gateway.ts'
import { cutHalfOpen } from '../server/socket/half-open.ts'
import { socketServerOptions } from '../server/socket/server-options.ts'
import { checkpointFiles } from '../store/checkpoint-files.ts'
import { describeDatabase } from '../store/database-url.ts'
import { openStore } from '../store/open.ts'
import type { RunWork } from '../training/training-work.ts'
import { catalog } from './catalog.ts'
import { systemClock } from './clock.ts'
import { refuseForeignSockets } from './foreign-sockets.ts'
import { isLoopback } from './loopback.ts'
import { type ManagedProbes, probeService } from './probe-service.ts'
import { type ManagedRuns, runService } from './run-service.ts'
import { readTlsIdentity, type TlsFiles } from './tls-files.ts'
import { addressOf as requestAddress, trustedProxies } from './trusted-proxies.ts'
import { packageVersion } from './version.ts'

export interface CoordinatorOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly databaseUrl?: string | undefined
  readonly dataDir: string
  /** Data and models that a run file sent over REST may name lie in this folder; without one it may name no path. */
  readonly dataRoot?: string | undefined
  readonly engine: string
  /** What `auto` takes first where it is there. */
  readonly preferredEngine?: string | undefined
  /** The run that is opened first: `auto` goes by its work, and its data are read while the rest starts. */
  readonly firstRun?: RunWork | undefined
  /** Bearer token of REST; without one the coordinator only listens on loopback. */
  readonly token?: string | undefined
  /** Chosen by the operator, for every run; without it each run gets its own. */
  readonly joinToken?: string | undefined
  /** REST and Socket.IO are encrypted with it; absent: they are not. */
  readonly tls?: TlsFiles | undefined
  /** Requests to REST from one address; 0: any number. When left out, 1200 off loopback, and any number on it. */
  readonly requestsPerMinute?: number | undefined
  /** Origins whose web pages may use REST and the sockets; none but this machine's when left out. */
  readonly allowOrigins?: readonly string[] | undefined
  /** Proxies that are believed about who asks, by address or network. */
  readonly trustProxies?: readonly string[] | undefined
  /** How long a join token opens; for as long as its run is active when left out. */
  readonly joinTokenTtlMs?: number | undefined
  readonly log?: Logger
  /** In place of the logger's own. */
  readonly logLevels?: LogLevels['of'] | undefined
  /** After how many milliseconds a silent or dripping peer is given up; 30 s when left out. */
  readonly peerTimeoutMs?: number | undefined
  /** In place of this machine's. */
  readonly clock?: Clock
  /** In place of our compute worker's program. */
  readonly computeProgram?: URL
}

export interface Coordinator {
  /** Where it listens, e.g. "http://127.0.0.1:8080". */
  readonly url: string
  readonly runs: ManagedRuns
  readonly probes: ManagedProbes
  readonly store: Store
  /** The database in words, without its password. */
  readonly database: string
  readonly dataDir: string
  /** Name of the engine that computes; rejects when it is not available. */
  engine(): Promise<string>
  /** What TensorFlow.js holds in the compute worker. */
  memory(): Promise<EngineMemory>
  /** Stops the runs (they can be resumed), then lets go of sockets, worker and database. */
  close(): Promise<void>
}

/** Off loopback, where others can knock; for each address. */
const REQUESTS_PER_MINUTE = 1200
const WRONG_TOKENS_PER_MINUTE = 60

/** The composition root: store, compute worker, REST and sockets on one port. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { host, port, dataDir, token, joinToken, peerTimeoutMs, clock = systemClock } = options
  if (!isLoopback(host) && !token)
    throw new FedError('token_required_off_loopback', {
      expected: 'FEDSTRATA_TOKEN to be set',
      received: `host ${host} without a token`,
      hint: 'Set FEDSTRATA_TOKEN to a long random string, or listen on 127.0.0.1',
    })
  const log = options.log ?? pino({ level: 'silent' })
  const logOf = (module: LogModule) => log.child({ module }, levelOf(options.logLevels, module))
  const { allowOrigins = [] } = options
  const trustProxy = options.trustProxies && trustedProxies(options.trustProxies)
  const tls = options.tls && (await readTlsIdentity(options.tls, clock.date()))
  const { engine, preferredEngine, firstRun, computeProgram: program } = options
  const compute = startCompute({ engine, preferredEngine, firstRun, program }) // first: it loads on another core meanwhile
  const store = await openStore({ databaseUrl: options.databaseUrl, dataDir }).catch(async error => {
    await compute.close()
    throw error
  })
  const checkpoints = checkpointFiles(dataDir)
  const metrics = createServerMetrics()
  watchCompute(metrics, compute)
  watchStore(metrics, store)
  const addressOf = (request: IncomingMessage) => requestAddress(request, trustProxy)
  const refuse = refuseForeignSockets({
    origins: allowOrigins,
    host,
    hasToken: token !== undefined,
    addressOf,
    log: logOf('socket'),
  })
  const io = new Server(socketServerOptions(peerTimeoutMs, refuse))
  const gateway = socketGateway(io, {
    ...{ clock, log: logOf('socket'), ...(peerTimeoutMs && { stallMs: peerTimeoutMs }) },
    addressOf,
    refused: (kind, reason) => metrics.refusals.inc({ kind, reason }),
    wrongTokensPerMinute: isLoopback(host) ? 0 : WRONG_TOKENS_PER_MINUTE,
  })
  const observe = (notice: RunNotice) => {
    countNotice(metrics, notice)
    metrics.activeRuns.set(runs.active())
  }
  io.on('connection', socket => {
    metrics.clientProcesses.inc()
    socket.on('disconnect', () => metrics.clientProcesses.dec())
  })
  const runs = runService({
    store,
    checkpoints,
    compute,
    gateway,
    clock,
    log: logOf('rounds'),
    joinToken,
    joinTokenTtlMs: options.joinTokenTtlMs,
    dataRoot: options.dataRoot,
    observe,
  })
  const probes = probeService({ store, checkpoints, compute, clock, log: logOf('probes'), notify: runs.announce })
  let app: FastifyInstance | undefined
  let attached = false
  const close = async () => {
    await Promise.all([runs.close(), probes.close()])
    if (attached) await io.close() // else it knows no server, and its complaint would hide the reason
    await app?.close()
    await compute.close()
    await store.close()
  }
  try {
    const version = packageVersion()
    app = await buildApp({
      ...{ store, checkpoints, runs, probes, catalog: catalog(), token, tls, version, logger: logOf('rest'), metrics },
      ...{ allowOrigins, trustProxy },
      requestTimeoutMs: peerTimeoutMs,
      requestsPerMinute: options.requestsPerMinute ?? (isLoopback(host) ? 0 : REQUESTS_PER_MINUTE),
    })
    io.attach(app.server)
    attached = true
    cutHalfOpen(io)
    await listen(app, host, port)
    const address = app.server.address() as AddressInfo
    const url = `${tls ? 'https' : 'http'}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
    const database = describeDatabase({ databaseUrl: options.databaseUrl, dataDir })
    return {
      url,
      runs,
      probes,
      store,
      database,
      dataDir,
      close,
      memory: compute.memory,
      engine: async () => (await compute.engine()).name,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const hint = 'Choose another with --port, or end the program that holds it'
    throw new FedError('port_in_use', {
      expected: `port ${port} on ${host} to be free`,
      received: 'a listener',
      hint,
      cause,
    })
  }
}
