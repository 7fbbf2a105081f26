import { z } from 'zod'
import { aligners } from '../alignment/index.ts'
import { repairs } from '../alignment/repairs/index.ts'
import { exchanges } from './exchanges/index.ts'
import { filters } from './filters/index.ts'
import { layerRuleSchema } from './layer-rules.ts'
import { personals } from './personal/index.ts'
import { presets } from './presets/index.ts'
import { SECTIONS } from './presets/preset.ts'
import { reducers } from './reducers/index.ts'
import { selectors } from './selectors/index.ts'
import { serverOptimizers } from './server/index.ts'

const presetNames = presets.members.map(preset => preset.name)

/** The run file's `strategy`: a preset, or its sections, or a preset and the sections that it leaves open. */
export const strategySchema = z
  .strictObject({
    preset: z
      .union([z.enum(presetNames), presets.schema])
      .optional()
      .meta({ description: 'a known method by name, or { name, …options }; fedavg when left out' }),
    layers: z
      .array(layerRuleSchema)
      .min(1)
      .optional()
      .meta({ description: 'how each layer block is averaged; the first match wins, unmatched blocks stay local' }),
    select: selectors.schema
      .optional()
      .meta({ description: 'which of the layers that the rules average are averaged in this round' }),
    align: aligners.schema
      .optional()
      .meta({ description: "how the units of the clients' models are put in one order before anything is averaged" }),
    filters: z.array(filters.schema).optional().meta({ description: 'applied in order to the updates of a round' }),
    reduce: reducers.schema.optional().meta({ description: 'how the updates of a block become one' }),
    server: z
      .array(serverOptimizers.schema)
      .optional()
      .meta({ description: 'applied in order to the reduced update; the last result is added to the global model' }),
    repair: repairs.schema.optional().meta({
      description: 'what is made good after averaging, with training examples that the server holds',
    }),
    exchange: exchanges.schema
      .optional()
      .meta({ description: 'what coordinator and clients tell each other besides their models' }),
    personal: personals.schema
      .optional()
      .meta({ description: 'what of the averaged layers each client begins with: a mix of its own' }),
  })
  .superRefine((strategy, context) => {
    if (strategy.preset === undefined) return
    const name = typeof strategy.preset === 'string' ? strategy.preset : strategy.preset.name
    for (const section of SECTIONS)
      if (strategy[section] !== undefined && presets.named(name).sets.includes(section))
        context.addIssue({
          code: 'custom',
          path: [section],
          message: `cannot be written next to preset "${name}", which sets it: leave out one of the two`,
        })
  })

/** As validated: the shape of a run file's `strategy`. */
export type StrategyOptions = z.output<typeof strategySchema>
