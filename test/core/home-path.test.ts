import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inHome } from '../../src/core/home-path.ts'

test('a path that begins with ~ lies in the home folder, and no other', () => {
  for (const [written, path] of [
    ['~', '/home/ada'],
    ['~/data/mnist', '/home/ada/data/mnist'],
    ['~\\data', '/home/ada\\data'],
    ['~ada/data', '~ada/data'],
    ['data/~/x', 'data/~/x'],
    ['a~', 'a~'],
    ['', ''],
  ] as const)
    for (const home of ['/home/ada', '/home/ada/']) assert.equal(inHome(written, home), path)
})
