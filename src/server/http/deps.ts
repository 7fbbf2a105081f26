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
