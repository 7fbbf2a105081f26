import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createRng } from '../../src/core/rng.ts'
import { above, below, near, readable } from '../../src/reproduction/check.ts'
import { CHECKS, checksNamed } from '../../src/reproduction/checks/index.ts'
import { startPool } from '../../src/reproduction/pool.ts'
import { type Report, reportPage } from '../../src/reproduction/report.ts'
import { type Notice, reproduce } from '../../src/reproduction/reproduce.ts'
import { classification } from '../../src/reproduction/tasks/classification.ts'

describe('checks', () => {
  test('have a name and a number each, and are found by either, in the order of their numbers', () => {
    assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length)
    assert.equal(new Set(CHECKS.map(({ number }) => number)).size, CHECKS.length)
    assert.deepEqual(
      checksNamed(['7', 'deep-linear-full', '2']).map(({ number }) => number),
      [2, 7],
    )
    assert.equal(checksNamed([]).length, CHECKS.length)
    assert.throws(() => checksNamed(['7', 'spawn']), /spawn/)
  })

  test('a bound is strict, says what it is, and is passed by no NaN', () => {
    assert.deepEqual(
      [above('a', 26, 25), above('a', 25, 25), below('b', 1, 2), below('b', 2, 2), near('c', 0.25, 0.25, 1e-6)].map(
        ({ bound, ok }) => [bound, ok],
      ),
      [
        ['> 25', true],
        ['> 25', false],
        ['< 2', true],
        ['< 2', false],
        ['0.25 ± 1.00e-6', true],
      ],
    )
    for (const measurement of [above('', Number.NaN, 0), below('', Number.NaN, 0), near('', Number.NaN, 0, 1)])
      assert.equal(measurement.ok, false)
    assert.deepEqual([0, 12.34567, -0.5, 1e-14, Number.NaN].map(readable), ['0', '12.35', '-0.5', '1.00e-14', 'NaN'])
  })
})

describe('the pool', () => {
  test('hands a task’s error to who asked, and goes on', async () => {
    const pool = await startPool(2, 'cpu')
    try {
      assert.equal(pool.engine.name, 'cpu')
      const data = { name: 'mnist', dir: '/nowhere' } as const
      const model = { name: 'mlp' as const, hidden: [2], init: 'heNormal' as const }
      await assert.rejects(pool.run('layout', { model, data }), { code: 'data_missing' })
      const small = { name: 'synthetic', classes: 3, dimension: 4, train: 30, test: 10, spread: 1, seed: 0 } as const
      const layouts = await Promise.all(
        [1, 2, 3].map(width => pool.run('layout', { model: { ...model, hidden: [width] }, data: small })),
      )
      // (4 + 1) · width + (width + 1) · 3
      assert.deepEqual(
        layouts.map(({ size }) => size),
        [11, 19, 27],
      )
    } finally {
      await pool.close()
    }
  })

  test('an engine that is not there is an error', async () => {
    await assert.rejects(startPool(1, 'abacus'), { code: 'engine_unavailable' })
  })
})

describe('a reproduction', () => {
  const options = { quick: true, folders: {}, engine: 'cpu', workers: 1 }

  test('ends with the signal’s reason, and tells nothing of the checks that it cut short', async () => {
    const stop = new AbortController()
    const notices: Notice[] = []
    const notify = (notice: Notice) => {
      notices.push(notice)
      if (notice.type === 'started') stop.abort(new Error('enough'))
    }
    await assert.rejects(reproduce({ ...options, checks: ['spawning'], notify, signal: stop.signal }), /enough/)
    assert.deepEqual(
      notices.map(({ type }) => type),
      ['engine', 'started'],
    )
  })

  test('of the closed form passes on every engine, and its report has each number and the command for it', async () => {
    const reproduction = await reproduce({ ...options, checks: ['1', '2'] })
    assert.equal(reproduction.passed, true)
    const circumstances = { version: '1.2.3', machine: 'a machine', node: 'v0', finished: '2026-01-02', seconds: 75 }
    const report: Report = { ...reproduction, ...circumstances }
    const page = reportPage(report, 'fedstrata reproduce')
    assert.match(page, /2 passed, 0 failed, 0 skipped/)
    assert.match(page, /1 min 15 s with 1 thread/)
    for (const { id, measurements } of report.checks) {
      assert.ok(page.includes(`\`fedstrata reproduce ${id}\``))
      for (const { name, value, bound } of measurements)
        assert.ok(page.includes(`| ${name} | ${readable(value)} | ${bound} |`), name)
    }
  })
})

test('the classification data are six clouds in three informative features, two a class, and noise in the others', () => {
  const { train, test: held } = classification(createRng(1))
  assert.deepEqual([train.length, held.length, train.exampleSize], [402, 198, 16])
  const counts = [0, 1, 2].map(label => [...train.y, ...held.y].filter(y => y === label).length)
  assert.ok(
    counts.every(count => Math.abs(count - 200) < 10),
    counts.join(),
  )
  // Means of a class: informative features are around corners of the cube, noise is around 0 (deviation 1/√134 = 0.09).
  for (let feature = 5; feature < 16; feature++)
    for (const label of [0, 1, 2]) {
      const own = Array.from(train.y.keys()).filter(n => train.y[n] === label)
      const mean = own.reduce((sum, n) => sum + train.x[n * 16 + feature]!, 0) / own.length
      assert.ok(Math.abs(mean) < 0.4, `feature ${feature}, class ${label}: ${mean}`)
    }
})
