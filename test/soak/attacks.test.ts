import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { ATTACKS, accuracyUnder, DEFENCES } from './attacks.ts'

describe('malicious clients', () => {
  before(() => prepareEngine('wasm'))

  const under = (defence: string, attack: string, faulty: number) =>
    accuracyUnder({
      strategy: DEFENCES[defence]!(faulty, 9)!,
      attack: ATTACKS[attack]!,
      ...{ clients: 9, faulty, rounds: 5, train: 1800, seed: 1 },
    })

  for (const attack of ['scaled, −10', 'Gaussian, 100 × its length'])
    test(`two of nine (${attack}) ruin the mean, and leave the robust reducers a model that works`, async () => {
      const mean = await under('fedavg', attack, 2)
      for (const defence of ['median', 'trimmed mean', 'Multi-Krum', 'Multi-Krum, by layer', 'geometric median']) {
        const accuracy = await under(defence, attack, 2)
        assert.ok(accuracy > 0.6 && accuracy > mean + 0.05, `${defence}: ${accuracy}, fedavg: ${mean}`)
      }
    })
})
