import type { Logger } from 'pino'
import { startCompute } from '../rounds/compute.ts'
import type { RunNotice, Store } from '../rounds/ports.ts'
import { checkpointFiles } from '../store/checkpoint-files.ts'
import { openStore } from '../store/open.ts'
import { systemClock } from './clock.ts'
import { type ManagedProbes, probeService } from './probe-service.ts'

export interface ProbesOptions {
  readonly databaseUrl?: string | undefined
  readonly dataDir: string
  readonly engine: string
  readonly log: Logger
  notify(notice: Extract<RunNotice, { type: 'probe' }>): void
}

/** Probes against a database and a data directory, without a server: store and compute worker for as long as `use` takes. */
export async function withProbes<T>(
  { databaseUrl, dataDir, engine, log, notify }: ProbesOptions,
  use: (stage: { readonly probes: ManagedProbes; readonly store: Store }) => Promise<T>,
): Promise<T> {
  const compute = startCompute({ engine })
  try {
    const store = await openStore({ databaseUrl, dataDir })
    try {
      const tell = (notice: RunNotice) => notice.type === 'probe' && notify(notice)
      const checkpoints = checkpointFiles(dataDir)
      const probes = probeService({ store, checkpoints, compute, clock: systemClock, log, notify: tell })
      try {
        return await use({ probes, store })
      } finally {
        await probes.close()
      }
    } finally {
      await store.close()
    }
  } finally {
    await compute.close()
  }
}
