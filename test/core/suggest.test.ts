import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, meant } from '../../src/core/suggest.ts'

const ENGINES = ['tensorflow', 'webgpu', 'wasm', 'cpu']

test('a guess is what a slip of the fingers makes of a name, and nothing else', () => {
  const guesses: readonly (readonly [given: string, known: readonly string[], guess: string | undefined])[] = [
    ['wsam', ENGINES, 'wasm'],
    ['WASM', ENGINES, 'wasm'],
    ['wasn', ENGINES, 'wasm'],
    ['tensor', ENGINES, 'tensorflow'],
    ['web-gpu', ENGINES, 'webgpu'],
    ['tensorfow', ENGINES, 'tensorflow'],
    ['cuda', ENGINES, undefined], // three of four letters would have to change for cpu
    ['metal', ENGINES, undefined],
    ['', ENGINES, undefined],
    ['x', ['name'], undefined],
    ['lr', ['l2', 'learningRate'], undefined],
    ['learning_rate', ['learningRate', 'momentum'], 'learningRate'],
    ['rmsprop', ['sgd', 'adam'], undefined],
    ['sdg', ['sgd', 'adam'], 'sgd'],
    ['fed', ['fedavg', 'fedprox'], undefined], // begins both
    ['dirichletAlfa', ['dirichletAlpha', 'classes'], 'dirichletAlpha'],
    ['rounds', [], undefined],
  ]
  for (const [given, known, guess] of guesses) assert.equal(meant(given, known), guess, given)
  assert.equal(didYouMean('wsam', ENGINES), 'Did you mean "wasm"?')
  assert.equal(didYouMean('cuda', ENGINES), undefined)
})
