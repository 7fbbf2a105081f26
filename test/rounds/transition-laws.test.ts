import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import { type Effect, initialState, type RunEvent, type RunState, tally } from '../../src/rounds/run-state.ts'
import { transition } from '../../src/rounds/transition.ts'
import { policyWith, roundOf, serverAt, updateOf } from './script.ts'

/**
 * Random interleavings of everything that can happen, on a policy drawn at random. `close` stands for the compute worker
 * finishing, which only means something while a round is being closed.
 */
type Command =
  | { readonly do: 'join' | 'leave'; readonly process: string; readonly slots: number }
  | {
      readonly do: 'send'
      readonly roundOffset: number
      readonly client: number
      readonly process: string
      readonly print: string
    }
  | { readonly do: 'refuse'; readonly client: number; readonly process: string }
  | { readonly do: 'deadline'; readonly attemptOffset: number }
  | { readonly do: 'close' | 'stop' }

const process = fc.constantFrom('p', 'q', 'r')
const client = fc.nat(4)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('join' as const, 'leave' as const),
      process,
      slots: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      roundOffset: fc.constantFrom(0, 0, 0, 0, -1, 1),
      client,
      process,
      print: fc.constantFrom('a', 'a', 'b'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), client, process }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('deadline' as const), attemptOffset: fc.constantFrom(0, 0, -1) }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'close' as const }) },
)
const policy = fc.record({
  quorum: fc.integer({ min: 1, max: 3 }),
  retries: fc.integer({ min: 0, max: 2 }),
  onShortfall: fc.constantFrom('fail' as const, 'extend' as const, 'proceed' as const),
  stopAt: fc.option(fc.nat(80), { freq: 5 }),
})

function eventOf(command: Command, state: RunState, ticket: number): RunEvent | null {
  const round = roundOf(state)
  switch (command.do) {
    case 'join':
      return { type: 'processJoined', process: command.process, slots: command.slots }
    case 'leave':
      return { type: 'processLeft', process: command.process }
    case 'send': {
      const { roundOffset, client, process, print } = command
      const key = { round: round + roundOffset, attempt: state.attempt, client }
      return { type: 'updateReceived', ticket, key, update: updateOf(client, process, print) }
    }
    case 'refuse': {
      const key = { round, attempt: state.attempt, client: command.client }
      return { type: 'updateRefused', key, process: command.process, error: new FedError('non_finite') }
    }
    case 'deadline':
      return { type: 'deadlinePassed', round, attempt: state.attempt + command.attemptOffset }
    case 'close':
      return state.phase === 'closing' ? { type: 'roundClosed', server: serverAt(round) } : null
    case 'stop':
      return { type: 'stopRequested' }
    default:
      return command satisfies never
  }
}

test('every interleaving keeps the invariants of a round', () => {
  const reached = {
    waiting: 0,
    training: 0,
    closing: 0,
    ended: 0,
    retried: 0,
    duplicate: 0,
    withdrawn: 0,
    closedShort: 0,
    completedRun: 0,
  }
  fc.assert(
    fc.property(fc.array(command, { minLength: 20, maxLength: 160, size: 'max' }), policy, (commands, drawn) => {
      const rules = policyWith({ ...drawn, rounds: 4, wanted: 3, cohort: () => [0, 1, 2, 3] })
      let state = initialState(serverAt(0))
      for (const [index, item] of commands.entries()) {
        const event = eventOf(index === drawn.stopAt ? { do: 'stop' } : item, state, index)
        if (!event) continue
        const [next, effects] = transition(state, event, rules)
        checkStep(state, event, next, effects, rules.quorum, rules.onShortfall)
        note(state, next, effects)
        state = next
      }
      reached[state.phase]++
    }),
    { numRuns: 600, seed: 7 },
  )
  // A law that never meets an interesting state proves nothing.
  for (const [what, times] of Object.entries(reached)) assert.ok(times > 5, `${what} was reached ${times} times`)

  function note(before: RunState, after: RunState, effects: readonly Effect[]): void {
    if (after.attempt > before.attempt) reached.retried++
    for (const effect of effects) {
      if (effect.type === 'answer' && effect.decision.ok && effect.decision.duplicate) reached.duplicate++
      if (effect.type === 'withdraw') reached.withdrawn++
      if (effect.type === 'closeRound' && tally(effect.closing).completed < 3) reached.closedShort++
      if (effect.type === 'endRun' && effect.outcome === 'completed') reached.completedRun++
    }
  }
})

function checkStep(
  before: RunState,
  event: RunEvent,
  after: RunState,
  effects: readonly Effect[],
  quorum: number,
  onShortfall: string,
): void {
  assert.ok(after.server.round >= before.server.round, 'never goes back a round')
  assert.ok(event.type === 'roundClosed' || after.server === before.server, 'only a closed round changes the model')
  const answered = effects.filter(effect => effect.type === 'answer')
  assert.equal(answered.length, event.type === 'updateReceived' ? 1 : 0, 'each update is answered exactly once')
  for (const effect of effects) {
    if (effect.type === 'closeRound') {
      assert.equal(after.phase, 'closing')
      const { completed } = tally(effect.closing)
      const least = onShortfall === 'proceed' ? 1 : quorum
      assert.ok(
        completed >= Math.min(least, effect.closing.members.size),
        'never closes below the quorum, nor of nothing',
      )
    }
    if (effect.type === 'assign') {
      assert.ok(after.processes.has(effect.process), 'tasks go to processes that are there')
      assert.equal(effect.key.round, effect.server.round + 1, 'a task carries the model of its round')
    }
  }
  if (after.phase === 'training') {
    const { open, completed } = tally(after)
    assert.ok(open > 0 && completed < 3, 'never waits when everyone has answered')
    const inHand = new Map<string, number>()
    for (const member of after.members.values())
      if (member.kind === 'assigned') inHand.set(member.process, (inHand.get(member.process) ?? 0) + 1)
    let free = 0
    for (const [name, slots] of after.processes) {
      assert.ok((inHand.get(name) ?? 0) <= slots, 'no process has more tasks than slots')
      free += slots - (inHand.get(name) ?? 0)
    }
    const idle = [...after.members.values()].filter(member => member.kind === 'waiting').length
    assert.ok(idle === 0 || free === 0, 'no task waits while a process is free')
    for (const name of inHand.keys()) assert.ok(after.processes.has(name), 'nobody who left still has a task')
  }
}
