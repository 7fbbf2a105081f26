import type { LocalTask, PrepareTrainer } from '../../clients/trainer.ts'
import { blockSegment } from '../../src/protocol/segments.ts'

/** Adds 1 to every block that it is asked for; counts the examples that it is told. Holds or fails when told to. */
export function scriptedTrainer() {
  const tasks: LocalTask[] = []
  let gate = Promise.resolve()
  let open = () => {}
  let failure: Error | null = null
  let training = 0
  let onAbort = () => {}
  const trainer = {
    tasks,
    most: 0,
    disposed: 0,
    aborted: new Promise<void>(resolve => {
      onAbort = resolve
    }),
    hold() {
      gate = new Promise(resolve => {
        open = resolve
      })
    },
    release: () => open(),
    failWith(error: Error | null) {
      failure = error
    },
    prepare: (async () => ({
      async train(task, signal) {
        tasks.push(task)
        trainer.most = Math.max(trainer.most, ++training)
        const withdrawn = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => {
            onAbort()
            reject(signal.reason)
          })
        })
        try {
          await Promise.race([gate, withdrawn])
        } finally {
          training--
        }
        if (failure) throw failure
        const blocks = task.reply.map(name => [name, task.own.get(name) ?? task.global.get(name)!] as const)
        const segments = new Map(blocks.map(([name, values]) => [blockSegment(name), values.map(value => value + 1)]))
        return { segments, numExamples: task.numExamples, trainLoss: 0.25, steps: 7 }
      },
      dispose() {
        trainer.disposed++
      },
    })) satisfies PrepareTrainer as PrepareTrainer,
  }
  return trainer
}
