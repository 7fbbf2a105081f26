import { homedir } from 'node:os'
import { z } from 'zod'
import { parseDuration } from '../core/duration.ts'
import { inHome } from '../core/home-path.ts'
import { type LogLevels, parseLogLevels } from '../core/log-levels.ts'
import { parseOrigin } from '../core/origins.ts'
import { wholeNumber } from '../core/text-values.ts'
import { validate } from '../core/validate.ts'

/** In milliseconds. */
const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text)
  if (ms !== null) return ms
  context.addIssue('expected a time like 15m, 24h or 7d')
  return z.NEVER
})

/** Separated by commas. */
const words = z.string().transform(text =>
  text
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== ''),
)

/** Of a file or folder. */
const path = z
  .string()
  .min(1)
  .transform(text => inHome(text, homedir()))

const origins = words.transform((list, context) =>
  list.map(text => {
    const origin = parseOrigin(text)
    if (origin === null) context.addIssue(`expected origins like https://fed.example, got ${JSON.stringify(text)}`)
    return origin ?? ''
  }),
)

const logLevels = z.string().transform((text, context): LogLevels => {
  const levels = parseLogLevels(text)
  if (typeof levels !== 'string') return levels
  context.addIssue(levels)
  return z.NEVER
})

const environmentSchema = z.object({
  DATABASE_URL: z.string().min(1).optional(),
  FEDSTRATA_TOKEN: z.string().min(8, 'expected at least 8 characters').optional(),
  /** In place of random tokens: clients of every run of this coordinator join with it. */
  FEDSTRATA_JOIN_TOKEN: z.string().min(8, 'expected at least 8 characters').max(200).optional(),
  FEDSTRATA_JOIN_TOKEN_TTL: duration.optional(),
  FEDSTRATA_SHUTDOWN_TIMEOUT: duration.optional(),
  FEDSTRATA_TLS_CERT: path.optional(),
  FEDSTRATA_TLS_KEY: path.optional(),
  FEDSTRATA_CA: path.optional(),
  FEDSTRATA_RATE_LIMIT: wholeNumber(0, 1_000_000).optional(),
  /** Web pages that may use the coordinator, and proxies that it believes. */
  FEDSTRATA_ALLOW_ORIGIN: origins.optional(),
  FEDSTRATA_TRUST_PROXY: words.optional(),
  FEDSTRATA_DATA_DIR: path.default('./var'),
  FEDSTRATA_DATA_ROOT: path.optional(),
  FEDSTRATA_ENGINE: z.string().min(1).default('auto'),
  LOG_LEVEL: logLevels.optional(),
})

/** All that are read, by name; NO_COLOR and COLUMNS are the terminal's. */
export const ENVIRONMENT_VARIABLES = [...Object.keys(environmentSchema.shape), 'NO_COLOR', 'COLUMNS']

export type Environment = z.output<typeof environmentSchema>

/** The environment, read in one place; an empty variable counts as not set. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  return validate(environmentSchema, Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== '')))
}
