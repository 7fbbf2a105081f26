import { setImmediate } from 'node:timers/promises'
import type { UpdateKey } from '../src/rounds/ports.ts'

export type TaskName = Pick<UpdateKey, 'round' | 'client'>

/** Tasks in hand, done one at a time in the order in which they came. */
export interface TaskQueue<T extends TaskName> {
  /** A task of the same round and client that is in hand already is the same task: it is not done twice. */
  add(task: T): void
  /** Removes a waiting task, or aborts it if it is being done. */
  cancel(name: TaskName): void
  /** Cancels everything; resolves when nothing runs any more. */
  close(): Promise<void>
  readonly size: number
}

/** `work` must not reject: whatever happens to a task is its business. */
export function taskQueue<T extends TaskName>(work: (task: T, signal: AbortSignal) => Promise<void>): TaskQueue<T> {
  const waiting: T[] = []
  let current: { readonly task: T; readonly abort: AbortController } | null = null
  let running: Promise<void> = Promise.resolve()
  let closed = false

  async function run(): Promise<void> {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      current = { task, abort: new AbortController() }
      // Training holds up everything else: what came together with the task is heard first, that an update was counted say.
      await setImmediate()
      await work(task, current.abort.signal)
      current = null
    }
  }

  return {
    add(task) {
      if (closed || isSame(task)(current?.task) || waiting.some(isSame(task))) return
      waiting.push(task)
      if (waiting.length === 1 && !current) running = running.then(run)
    },
    cancel(name) {
      const index = waiting.findIndex(isSame(name))
      if (index >= 0) waiting.splice(index, 1)
      if (current && isSame(name)(current.task)) current.abort.abort(new Error('the task was withdrawn'))
    },
    close() {
      closed = true
      waiting.length = 0
      current?.abort.abort(new Error('the client is closing'))
      return running
    },
    get size() {
      return waiting.length + (current ? 1 : 0)
    },
  }
}

function isSame({ round, client }: TaskName): (other: TaskName | undefined) => boolean {
  return other => other?.round === round && other.client === client
}
