import type { FastifyBaseLogger } from 'fastify'
import type { CheckpointStore, RunService, Store } from '../../rounds/ports.ts'
import type { ProbeService } from '../../rounds/probe-ports.ts'
import type { Catalog } from './catalog.ts'
import type { ServerMetrics } from './server-metrics.ts'

/** All that the REST side needs from the rest of the house. */
export interface HttpDeps {
  readonly store: Store
  readonly checkpoints: Pick<CheckpointStore, 'path'>
  readonly runs: RunService
  readonly probes: ProbeService
  readonly catalog: Catalog
  /** Bearer token of every route but the health checks; absent only where just this machine can connect. */
  readonly token?: string | undefined
  /** Of one address, the health checks aside; 0 or absent: any number. */
  readonly requestsPerMinute?: number | undefined
  /** Origins whose pages may read answers, and without a token change something; absent: none but, for changes, this machine's. */
  readonly allowOrigins?: readonly string[] | undefined
  /** Whether an address is a proxy's that is believed about who asks; absent: none is. */
  readonly trustProxy?: ((address: string, hop: number) => boolean) | undefined
  /** Certificate and private key, PEM; absent: HTTP. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined
  /** Of the package, for OpenAPI and /healthz. */
  readonly version: string
  /** Absent: nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined
  /** Absent: a fresh set, served at /metrics all the same. */
  readonly metrics?: ServerMetrics | undefined
  /** Longest time in which a request may arrive, so that slow senders cannot hold connections; 30 s when left out. */
  readonly requestTimeoutMs?: number | undefined
  /** Silence on an event stream that a comment breaks, so that proxies keep it open. */
  readonly heartbeatMs?: number | undefined
}
