import { z } from 'zod'

/** The option `examples` of reducers that go by what clients measure on their data. */
export const examplesOption = z
  .int()
  .min(1)
  .max(100_000)
  .default(200)
  .meta({ description: 'of a client, at most, on which it measures after training' })
