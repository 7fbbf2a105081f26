import { openStore } from '../../src/store/open.ts'
import { commitOf, metricRecord, newRun } from './samples.ts'

/** A process of its own that commits rounds, each with enough rows for several batches, until someone kills it. */
const [databaseUrl = '', dataDir = ''] = process.argv.slice(2)
const store = await openStore({ databaseUrl, dataDir })
await store.createRun(newRun('a'))
for (let round = 1; ; round++) {
  const metrics = Array.from({ length: 2000 }, (_, i) => metricRecord(round, 'train/loss', { client: i }))
  await store.commitRound('a', commitOf(round, { metrics }))
  process.stdout.write(`${round}\n`)
}
