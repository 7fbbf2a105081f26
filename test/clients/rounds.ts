import { modelTrainer } from '../../clients/model-trainer.ts'
import type { Trainer } from '../../clients/trainer.ts'
import { extraNamed } from '../../src/core/extras.ts'
import { view } from '../../src/core/layout.ts'
import { loadDataset } from '../../src/data/index.ts'
import { limitsFor } from '../../src/protocol/limits.ts'
import { silent } from '../../src/protocol/log.ts'
import { blockOfSegment } from '../../src/protocol/segments.ts'
import { averageRound } from '../../src/rounds/close-round.ts'
import type { RoundJob } from '../../src/rounds/closed-round.ts'
import { taskContext, taskFor } from '../../src/rounds/plan-round.ts'
import type { ServerState } from '../../src/rounds/ports.ts'
import type { RunFile } from '../../src/rounds/run-file.ts'
import { toldAfter } from '../../src/rounds/server-state.ts'
import { openSession, type Session } from '../../src/rounds/session.ts'

type Segments = ReadonlyMap<string, Float32Array>

/**
 * Rounds of a run as coordinator and clients do them, task by task, without what carries the tasks: the state before the first
 * round and after each, and what came back in each.
 */
export async function roundsOf(runFile: RunFile, cohorts: readonly (readonly number[])[]) {
  const session: Session = await openSession(runFile)
  const { layout } = session
  const open = { run: 'r', runFile, layout: layout.digest, shared: [], limits: limitsFor(layout) }
  const trainer: Trainer = await modelTrainer(open, { engine: 'wasm', log: silent })
  const context = taskContext(runFile, layout, session.clients)
  const shared = layout.blocks.filter(({ name }) => context.shared.has(name))
  const states: ServerState[] = [session.initial()]
  const jobs: RoundJob[] = []
  for (const [index, cohort] of cohorts.entries()) {
    const [round, server] = [index + 1, states.at(-1)!]
    const updates = []
    for (const client of cohort) {
      const {
        own,
        reply,
        initialise,
        numExamples: counted,
        extras = [],
      } = taskFor({ round, attempt: 1, client }, server, context)
      const { segments, numExamples } = await trainer.train(
        {
          ...{
            round,
            client,
            reply,
            initialise,
            extras,
            numExamples: counted,
            told: toldAfter(context.strategy, server),
          },
          global: new Map(shared.map(block => [block.name, view(server.params, block)])),
          own: renamed(own, blockOfSegment),
          kept: renamed(own, name => extraNamed(name) && name),
          memory: renamed(own, name => (blockOfSegment(name) || extraNamed(name) ? null : name)),
        },
        new AbortController().signal,
      )
      updates.push({ client, numExamples, segments })
    }
    jobs.push({ round, server, updates })
    states.push((await averageRound(session, jobs.at(-1)!)).result.server)
  }
  trainer.dispose()
  session.dispose()
  const dataset = await loadDataset(runFile.data)
  return { layout, states, jobs, dataset, split: session.split, told: toldAfter(context.strategy, states.at(-1)!) }
}

function renamed(segments: Segments, name: (segment: string) => string | null): Segments {
  return new Map([...segments].flatMap(([segment, values]) => (name(segment) ? [[name(segment)!, values]] : [])))
}
