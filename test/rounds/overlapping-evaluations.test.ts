import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'

const RUN_FILE = {
  name: 'overlapping',
  seed: 5,
  rounds: 1,
  model: { name: 'mlp', hidden: [256, 256] },
  data: { name: 'synthetic', classes: 3, dimension: 64, train: 60, test: 20_000 },
  clients: { total: 3, perRound: 3 },
}

test('an evaluation that begins in the pause of another one of its session changes no bit of it', async () => {
  await prepareEngine('wasm')
  let inPause = async () => {}
  const session = await openSession(parseRunFile(RUN_FILE), { turn: () => inPause() })
  try {
    const [one, other] = [1, 2].map(seed => {
      const rng = createRng(seed)
      return session.initial().params.map(value => value + 0.1 * normal(rng))
    })
    const alone = [await session.evaluateTest(one!), await session.evaluateTest(other!)]
    const within: unknown[] = []
    inPause = async () => {
      inPause = async () => {}
      within.push(await session.evaluateTest(other!))
    }
    const around = await session.evaluateTest(one!)
    assert.notEqual(alone[0]!.loss, alone[1]!.loss)
    assert.deepEqual([around, ...within], alone)
  } finally {
    session.dispose()
  }
})
