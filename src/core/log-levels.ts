export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
/** Who writes lines: each has its name in them, as `module`. */
export const LOG_MODULES = ['rest', 'socket', 'rounds', 'probes', 'client'] as const

export type Level = (typeof LEVELS)[number]
export type LogModule = (typeof LOG_MODULES)[number]

/** How much is logged, of everything and of modules that are named. */
export interface LogLevels {
  /** undefined: as the command has it. */
  readonly level: Level | undefined
  readonly of: Readonly<Partial<Record<LogModule, Level>>>
}

/** "info", or "info,rounds=debug,socket=warn", or only modules. A string: what is wrong with it. */
export function parseLogLevels(text: string): LogLevels | string {
  let level: Level | undefined
  const of: Partial<Record<LogModule, Level>> = {}
  for (const word of text.split(',').map(part => part.trim())) {
    const [left = '', right, ...rest] = word.split('=')
    const name = right === undefined ? undefined : left
    const wanted = right ?? left
    if (rest.length > 0 || !isOneOf(LEVELS, wanted))
      return `expected a level (${LEVELS.join(', ')}), or levels of modules like info,rounds=debug; got ${JSON.stringify(word)}`
    if (name === undefined && level !== undefined)
      return `expected one level for everything; got ${level} and ${wanted}`
    if (name === undefined) level = wanted
    else if (isOneOf(LOG_MODULES, name)) of[name] = wanted
    else return `expected one of the modules ${LOG_MODULES.join(', ')}; got ${JSON.stringify(name)}`
  }
  return { level, of }
}

/** What of pino's options a module's logger needs. */
export function levelOf(levels: LogLevels['of'] | undefined, module: LogModule): { readonly level?: Level } {
  const level = levels?.[module]
  return level === undefined ? {} : { level }
}

function isOneOf<T extends string>(list: readonly T[], word: string): word is T {
  return (list as readonly string[]).includes(word)
}
