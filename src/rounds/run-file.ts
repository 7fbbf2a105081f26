import { z } from 'zod'
import { barriersSchema } from '../analysis/plan.ts'
import { validate } from '../core/validate.ts'
import { datasets } from '../data/index.ts'
import { partitioners } from '../data/partition/index.ts'
import { models } from '../models/index.ts'
import { privacySchema } from '../privacy/plan.ts'
import { strategySchema } from '../strategies/schema.ts'
import { fineTuneSchema } from '../training/fine-tuning.ts'
import { localPlanSchema } from '../training/plan.ts'

const clientsSchema = z
  .strictObject({
    total: z.int().min(1).max(100_000).meta({ description: 'virtual clients; each holds one part of the data' }),
    perRound: z.int().min(1).optional().meta({ description: 'size of the cohort; all clients when left out' }),
    sampling: z.enum(['fixed', 'poisson']).default('fixed').meta({
      description:
        'fixed: perRound clients in each round; poisson: each client by itself with probability perRound / total, so that as many are expected',
    }),
    init: z
      .enum(['shared', 'independent'])
      .default('shared')
      .meta({ description: 'shared: one start for all; independent: each client begins from its own' }),
    order: z.enum(['own', 'shared']).default('own').meta({
      description:
        'what is drawn in training (batches, dropout): own: by each client; shared: the same in all clients of a round',
    }),
  })
  .transform(clients => ({ ...clients, perRound: clients.perRound ?? clients.total }))

const evaluateSchema = z.strictObject({
  every: z.int().min(0).default(1).meta({ description: 'central evaluation every n rounds; 0 = only the last' }),
  clients: z
    .boolean()
    .default(true)
    .meta({ description: 'each client of the cohort on its own test split, before and after averaging' }),
  fineTune: fineTuneSchema.optional().meta({
    description:
      'after the last round each client of the cohort fine-tunes the averaged model, to be measured; the run keeps the averaged one',
  }),
})

const serverDataSchema = z.strictObject({
  examples: z.int().min(0).max(10_000_000).default(0).meta({
    description:
      'training examples that the coordinator holds for methods that need some, without their labels: drawn before the others are dealt, and no client’s',
  }),
})

const roundSchema = z.strictObject({
  quorum: z.int().min(1).optional().meta({
    description:
      'updates without which a round does not count; when left out 1, but where all clients take part in every round or layers stay with clients, all of the cohort that is not refused',
  }),
  deadlineSeconds: z.number().positive().max(86_400).default(60).meta({
    description:
      'how long an attempt may take; whoever has not answered then is dropped, so the result may depend on timing. The client processes of simulate are waited for as long as they live',
  }),
  retries: z.int().min(0).max(1000).default(2).meta({ description: 'further attempts when the quorum is missed' }),
  onShortfall: z.enum(['fail', 'extend', 'proceed']).default('fail').meta({
    description:
      'after the last attempt: end the run, keep waiting, or go on with what came, which must be one update at least',
  }),
  onDivergence: z.enum(['fail', 'continue']).default('fail').meta({
    description:
      'when the central loss of a round is not finite: end the run after that round, or go on; the round is marked either way',
  }),
  overSelect: z.int().min(0).default(0).meta({
    description: 'clients chosen beyond perRound; the first perRound to finish count, so the result depends on timing',
  }),
})

/**
 * The run file: everything that decides a run's result, and nothing else. Each section is owned by the room that
 * carries it out; here they only meet, with the rules that span sections.
 */
export const runFileSchema = z
  .strictObject({
    name: z.string().min(1).max(100).meta({ description: 'of the run, for people' }),
    seed: z.int().min(0).meta({ description: 'root of every random stream; mandatory' }),
    rounds: z.int().min(1).max(100_000).meta({ description: 'how many' }),
    model: models.schema.meta({ description: 'the network: see below' }),
    data: datasets.schema.meta({ description: 'the data set: see below' }),
    partition: partitioners.schema
      .default({ name: 'iid' })
      .meta({ description: 'how the training data are dealt to the clients: see below' }),
    serverData: serverDataSchema.prefault({}),
    clients: clientsSchema,
    local: localPlanSchema.prefault({}),
    strategy: strategySchema.prefault({}),
    privacy: privacySchema.optional().meta({ description: 'differential privacy of the clients; none when left out' }),
    evaluate: evaluateSchema.prefault({}),
    barriers: barriersSchema.prefault({}),
    round: roundSchema.prefault({}),
  })
  .superRefine(({ clients, round, barriers, privacy, evaluate }, context) => {
    const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (evaluate.fineTune && !evaluate.clients)
      wrong(['evaluate', 'fineTune'], 'expected evaluate.clients: true, which measures it')
    if (barriers.every > 0 && barriers.between.includes('clients') && clients.perRound < 2)
      wrong(
        ['barriers', 'between'],
        'expected at least two clients per round to compare, got 1. Use between: global, or every: 0',
      )
    // What follows is measured against the number of clients, and says nothing while that is wrong itself.
    if (clients.perRound > clients.total) {
      wrong(['clients', 'perRound'], `expected at most clients.total (${clients.total}), got ${clients.perRound}`)
      return
    }
    if (round.quorum !== undefined && round.quorum > clients.perRound)
      wrong(['round', 'quorum'], `expected at most clients.perRound (${clients.perRound}), got ${round.quorum}`)
    // Those who happen to be quickest are no random sample.
    const drawn = privacy ? 'privacy' : clients.sampling === 'poisson' ? 'clients.sampling: poisson' : null
    const spare = clients.total - clients.perRound
    if (drawn !== null && round.overSelect > 0) wrong(['round', 'overSelect'], `expected 0 with ${drawn}`)
    else if (round.overSelect > spare)
      wrong(
        ['round', 'overSelect'],
        `expected at most ${spare} (clients.total - clients.perRound), got ${round.overSelect}`,
      )
    if (privacy && privacy.delta >= 1 / clients.total)
      wrong(
        ['privacy', 'delta'],
        `expected less than 1 / clients.total (${1 / clients.total}), got ${privacy.delta}: otherwise the guarantee would allow one client to be revealed entirely`,
      )
  })

export type RunFile = z.output<typeof runFileSchema>

/** Sections with a path in them, and its key. */
export const RUN_FILE_PATHS = [
  ['data', 'dir'],
  ['model', 'path'],
] as const

/** Throws `run_file_invalid` with one issue per wrong key. */
export function parseRunFile(input: unknown): RunFile {
  return validate(runFileSchema, input, 'run_file_invalid')
}
