import { attacks } from './attacks.ts'
import { fuzz } from './fuzz.ts'
import { killSoak } from './kill.ts'
import { scoped } from './scope.ts'

export interface Soak {
  readonly what: string
  /** False when something failed; all that is known has been printed. */
  run(numbers: Readonly<Record<string, number | undefined>>): Promise<boolean>
}

const say = (line: string) => console.log(line)

export const soaks: Readonly<Record<string, Soak>> = {
  kill: {
    what: '--kills 100 --rounds 40 --seed 1: kills coordinator and clients, and compares with an undisturbed run',
    async run({ kills = 100, rounds = 40, seed = 1 }) {
      const { runs, kills: counts, failures } = await scoped(scope => killSoak(scope, { kills, rounds, seed, say }))
      say(`${runs} runs, kills: ${JSON.stringify(counts)}, ${failures.length} failed`)
      for (const { seed, kills, what } of failures)
        say(`FAILED: npm run soak -- kill --seed ${seed} --kills ${kills} --rounds ${rounds}   (${what})`)
      return failures.length === 0
    },
  },
  fuzz: {
    what: '--messages 100000 --seed 1: malformed, nearly right and random messages, over sockets and REST',
    async run({ messages = 100_000, seed = 1 }) {
      const { answers, memory } = await scoped(scope => fuzz(scope, { messages, seed, say }))
      const [early, late] = memory.map(bytes => `${(bytes / 2 ** 20).toFixed(0)} MiB`)
      say(`${messages} messages: ${JSON.stringify(answers)}`)
      say(`memory of the coordinator after a fifth of them and at the end: ${early}, ${late}`)
      return true
    },
  },
  attacks: {
    what: '--seeds 3 --rounds 15: accuracy of robust strategies under malicious clients, as the table of docs/reliability.md',
    run: attacks,
  },
}
