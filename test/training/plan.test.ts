import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { validate } from '../../src/core/validate.ts'
import { extendPlan, localPlanSchema } from '../../src/training/plan.ts'

describe('the run file section local', () => {
  it('has a default for everything', () => {
    assert.deepEqual(localPlanSchema.parse({}), {
      epochs: 1,
      batchSize: 32,
      optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0, weightDecay: 0 },
      memory: 'reset',
      schedule: { name: 'constant' },
    })
  })

  it('names the key and the nearest valid name', () => {
    const wrong: [object, RegExp][] = [
      [{ epoch: 2 }, /epoch: unknown key. Did you mean "epochs"\?/],
      [{ optimizer: { name: 'sdg' } }, /optimizer\.name: expected one of sgd, adam, got "sdg". Did you mean "sgd"\?/],
      [{ optimizer: { name: 'sgd', momentun: 0.9 } }, /momentun: unknown key. Did you mean "momentum"\?/],
      [{ batchSize: 0 }, /batchSize: .*got 0/],
      [{ optimizer: { name: 'sgd', learningRate: -1 } }, /optimizer\.learningRate: .*got -1/],
      [{ phases: [] }, /phases/],
    ]
    for (const [input, message] of wrong)
      assert.throws(
        () => validate(localPlanSchema, input, 'run_file_invalid'),
        (error: unknown) => error instanceof FedError && message.test(error.message),
        String(message),
      )
  })

  it('takes the additions of a strategy: frozen blocks join, the rest is replaced', () => {
    const plan = localPlanSchema.parse({ epochs: 3, frozen: ['conv1'], regularizer: { name: 'prox', mu: 1 } })
    const extended = extendPlan(plan, { frozen: ['fc3'], regularizer: { name: 'prox', mu: 0.1 } })
    assert.deepEqual(extended, { ...plan, frozen: ['conv1', 'fc3'], regularizer: { name: 'prox', mu: 0.1 } })
    assert.deepEqual(extendPlan(plan, {}), plan)
  })
})
