import { attacks } from './attacks.ts'
import { fuzz } from './fuzz.ts'
import { killSoak } from './kill.ts'
import { MODEL_BYTES, memorySoak } from './memory.ts'
import { scoped } from './scope.ts'
import { stallSoak } from './stall.ts'

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
  stall: {
    what: '--sockets 1000 --rounds 50: sockets that come as far as they can and then do nothing, beside a good client',
    async run({ sockets = 1000, rounds = 50 }) {
      const found = await scoped(scope => stallSoak(scope, { sockets, rounds }))
      const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
      say(`${JSON.stringify(found.sockets)}: all cut after ${(found.lastCutMs / 1000).toFixed(1)} s`)
      say(
        `a good client trained ${rounds} rounds meanwhile; event-loop delay p99 ${found.eventLoopDelayP99Ms.toFixed(1)} ms`,
      )
      const [before, during, after] = [found.before, found.during, found.after].map(mebibytes)
      say(`memory of the coordinator before, with all of them, and when they were gone: ${before}, ${during}, ${after}`)
      return true
    },
  },
  memory: {
    what: '--rounds 500: the memory of a coordinator over a long run, and its slope',
    async run({ rounds = 500 }) {
      const { early, late, slope } = await scoped(scope => memorySoak(scope, { rounds, say }))
      for (const name of ['resident', 'heap', 'external', 'engine'] as const) {
        const [from, to] = [early, late].map(found => (found[name] / 2 ** 20).toFixed(1))
        say(
          `${name}: ${from} MiB after a fifth, ${to} MiB at the end, ${(slope[name] / 2 ** 10).toFixed(2)} KiB a round`,
        )
      }
      say(`tensors: ${early.tensors} after a fifth, ${late.tensors} at the end`)
      return late.tensors <= early.tensors && slope.resident < MODEL_BYTES / 10
    },
  },
  attacks: {
    what: '--seeds 3 --rounds 15: accuracy of robust strategies under malicious clients, as the table of docs/reliability.md',
    run: attacks,
  },
}
