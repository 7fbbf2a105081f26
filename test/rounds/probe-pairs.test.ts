import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { barriersSchema } from '../../src/analysis/plan.ts'
import { createRng } from '../../src/core/rng.ts'
import { comparedPairs, comparedWithGlobal } from '../../src/rounds/compared.ts'
import { type Choice, clientsToProbe, pairsToProbe, requireOwnPairs } from '../../src/rounds/probe-pairs.ts'

const COHORT = [1, 2, 4, 6, 7, 9]
const choice = (more: Partial<Choice> = {}, plan: object = {}): Choice => ({
  ...{ rng: createRng(5), round: 2, cohort: COHORT, kept: COHORT, pairs: undefined },
  ran: barriersSchema.parse({ pairs: 3, between: ['clients', 'init'], ...plan }),
  ...more,
})
const own = comparedPairs(createRng(5), 2, COHORT, 3)

test('unless a number is asked for, what the run itself drew is compared, as far as its models were kept', () => {
  assert.deepEqual(pairsToProbe(choice()), own)
  assert.deepEqual(clientsToProbe(choice(), 'init'), comparedWithGlobal(createRng(5), 2, COHORT, 3))
  const kept = own[0]!
  assert.deepEqual(pairsToProbe(choice({ kept })), [kept])
})

test('where the run compared pairs, and none of their models are there, that is refused with what to do', () => {
  const alone = [own[0]![0]]
  assert.throws(() => requireOwnPairs(choice({ kept: alone }), 'clients'), {
    code: 'probe_models_missing',
    message: /the run itself compared in round 2 \(between: clients\).*pairs/s,
  })
  assert.doesNotThrow(() => requireOwnPairs(choice(), 'clients'))
})

test('in rounds in which the run compared no such pairs, as many of the kept models are compared as its file says', () => {
  const kept = [1, 2, 4]
  for (const plan of [{ every: 0 }, { every: 5 }, { between: 'init' }])
    assert.deepEqual(pairsToProbe(choice({ kept }, plan)), [[1, 2], [1, 4], [2, 4]], JSON.stringify(plan)) // biome-ignore format: one line
  assert.deepEqual(clientsToProbe(choice({ kept: [4, 9] }), 'global'), [4, 9])
})

test('property: a number that is asked for holds the own pairs first, then others of kept models, none twice', () => {
  let beyond = 0
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.subarray(COHORT), (pairs, kept) => {
      const found = pairsToProbe(choice({ pairs, kept })).map(String)
      const there = own.filter(pair => pair.every(client => kept.includes(client))).map(String)
      const possible = Math.max(0, (kept.length * (kept.length - 1)) / 2)
      assert.equal(new Set(found).size, Math.min(pairs, possible))
      assert.equal(found.length, Math.min(pairs, possible))
      if (pairs >= there.length) assert.ok(there.every(pair => found.includes(pair)))
      else assert.ok(found.every(pair => there.includes(pair)))
      if (found.length > there.length) beyond++
    }),
  )
  assert.ok(beyond > 20, `${beyond}`)
})
