import { parseArgs } from 'node:util'
import { soaks } from './soaks.ts'

/**
 * `npm run soak -- kill --kills 100 --seed 1`: what takes too long for every test run. Exit code 1 when something failed,
 * with the seed to repeat it by.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string' },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    messages: { type: 'string' },
    seeds: { type: 'string' },
    sockets: { type: 'string' },
  },
})
const name = positionals[0] ?? ''
const soak = soaks[name]
if (!soak || positionals.length > 1) {
  console.error(
    `usage: npm run soak -- NAME [--seed n] …\n${Object.entries(soaks)
      .map(([key, { what }]) => `  ${key}  ${what}`)
      .join('\n')}`,
  )
  process.exit(2)
}
const numbers = Object.fromEntries(Object.entries(values).map(([key, text]) => [key, Number(text)]))
process.exitCode = (await soak.run(numbers)) ? 0 : 1
