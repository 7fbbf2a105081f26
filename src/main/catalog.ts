import { z } from 'zod'
import { aligners } from '../alignment/index.ts'
import { repairs } from '../alignment/repairs/index.ts'
import type { EngineReport } from '../compute/choose.ts'
import { datasets } from '../data/index.ts'
import { partitioners } from '../data/partition/index.ts'
import { models } from '../models/index.ts'
import { runFileSchema } from '../rounds/run-file.ts'
import { type Catalog, catalogEntries, type EngineEntry } from '../server/http/catalog.ts'
import { exchanges, filters, personals, presets, reducers, selectors, serverOptimizers } from '../strategies/index.ts'
import { inspectApart } from './inspect-apart.ts'

/** What this server knows, straight from the registries. */
export function catalog(): Catalog {
  let engines: Promise<readonly EngineEntry[]> | undefined
  return {
    strategies: () =>
      [presets, selectors, aligners, filters, reducers, serverOptimizers, repairs, exchanges, personals].flatMap(
        catalogEntries,
      ),
    models: () => catalogEntries(models),
    datasets: () => [datasets, partitioners].flatMap(catalogEntries),
    // Measured once, when somebody asks: a measurement takes a core for seconds.
    engines: () => {
      engines ??= inspectApart().then(reports => reports.map(engineEntry))
      return engines
    },
    runFileSchema: () =>
      z.toJSONSchema(runFileSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>,
  }
}

function engineEntry({ name, available, problem, device, speed }: EngineReport): EngineEntry {
  return {
    name,
    available,
    ...(problem && { reason: problem }),
    ...(device && { device: device.description }),
    ...(speed && { speed: speed.gemmGflops }),
  }
}
