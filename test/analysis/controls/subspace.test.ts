import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  directionInside,
  directionOutside,
  subspaceNoise,
  trainingSubspace,
} from '../../../src/analysis/controls/subspace.ts'
import { createRng, normal } from '../../../src/core/rng.ts'
import { half, lossOnly, normalParams } from '../toys.ts'

const dot = (u: ArrayLike<number>, v: ArrayLike<number>) => {
  let sum = 0
  for (let i = 0; i < u.length; i++) sum += u[i]! * v[i]!
  return sum
}

test('the basis is orthonormal, spans every snapshot, and has the rank that the snapshots were made with', () => {
  const reached = { deficient: 0, full: 0, wide: 0 }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 30 }), fc.nat(), (rank, size, seed) => {
      const wanted = Math.min(rank, size)
      const columns = Array.from({ length: wanted }, (_, i) => normalParams(size, seed + i))
      const rng = createRng(seed, 'mix')
      const snapshots = Array.from({ length: wanted + 3 }, (_, k) => {
        if (k < wanted) return columns[k]!
        const factors = columns.map(() => normal(rng))
        return Float32Array.from({ length: size }, (_, i) =>
          columns.reduce((sum, c, j) => sum + factors[j]! * c[i]!, 0),
        )
      })
      const { basis } = trainingSubspace(snapshots)
      assert.ok(basis.length <= wanted, `${basis.length} of ${wanted}`)
      for (const [i, u] of basis.entries())
        for (const [j, v] of basis.entries()) assert.ok(Math.abs(dot(u, v) - Number(i === j)) < 1e-12)
      const largest = Math.max(...snapshots.map(snapshot => Math.sqrt(dot(snapshot, snapshot))))
      for (const snapshot of snapshots) {
        const rest = Float64Array.from(snapshot)
        for (const u of basis) {
          const along = dot(rest, u)
          for (let i = 0; i < size; i++) rest[i]! -= along * u[i]!
        }
        assert.ok(Math.sqrt(dot(rest, rest)) <= 2 * Math.max(size, snapshots.length) * 2 ** -23 * largest)
      }
      reached.deficient += Number(basis.length < snapshots.length)
      reached.full += Number(basis.length === wanted)
      reached.wide += Number(size < rank)
    }),
    { seed: 2, numRuns: 100 },
  )
  assert.ok(reached.deficient > 20 && reached.full > 60 && reached.wide > 5, JSON.stringify(reached))
})

test('snapshots that are written to afterwards do not change it, and one array twice counts once', () => {
  const snapshots = [normalParams(6, 1), normalParams(6, 2)]
  const { basis } = trainingSubspace([...snapshots, snapshots[0]!])
  const kept = basis.map(column => column.slice())
  for (const snapshot of snapshots) snapshot.fill(1)
  assert.deepEqual(basis, kept)
  assert.equal(basis.length, 2)
})

test('a layer has the subspace of its own rows', () => {
  const snapshots = [Float32Array.of(1, 0, 5, 5), Float32Array.of(2, 0, 1, 7)]
  assert.equal(trainingSubspace(snapshots).basis.length, 2)
  const { basis, size } = trainingSubspace(snapshots, { offset: 0, size: 2 })
  assert.deepEqual([basis.map(column => column.map(Math.abs)), size], [[Float64Array.of(1, 0)], 2])
})

test('directions have length one and lie in the subspace, or at right angles to all of it', () => {
  const subspace = trainingSubspace([1, 2, 3].map(seed => normalParams(10, seed)))
  for (let seed = 0; seed < 20; seed++) {
    const [inside, outside] = [directionInside(subspace, createRng(seed)), directionOutside(subspace, createRng(seed))]
    assert.ok(Math.abs(dot(inside, inside) - 1) < 1e-12 && Math.abs(dot(outside, outside) - 1) < 1e-12)
    const reach = subspace.basis.reduce((sum, column) => sum + dot(column, inside) ** 2, 0)
    assert.ok(Math.abs(reach - 1) < 1e-12)
    for (const column of subspace.basis) assert.ok(Math.abs(dot(column, outside)) < 1e-12)
  }
})

test('noise costs what the loss says: only inside for a loss that looks only there, and ½ length² for a bowl', async () => {
  const snapshots = [Float32Array.of(1, 1, 0, 0, 0, 0), Float32Array.of(1, -1, 0, 0, 0, 0)]
  const subspace = trainingSubspace(snapshots)
  const request = { params: new Float32Array(6), subspace, lengths: [1, 3], draws: 5, rng: createRng(1) }
  const inside = await subspaceNoise({ ...request, evaluate: lossOnly(w => half(w.slice(0, 2))) })
  assert.deepEqual(
    inside.map(({ space, length, evaluations }) => [space, length, evaluations.length]),
    [
      ['training', 1, 5],
      ['training', 3, 5],
      ['null', 1, 5],
      ['null', 3, 5],
    ],
  )
  for (const { space, length, evaluations } of inside)
    for (const { loss } of evaluations) assert.ok(Math.abs(loss - (space === 'training' ? length ** 2 / 2 : 0)) < 1e-5)
  const block = { offset: 2, size: 4 }
  const rows = trainingSubspace([Float32Array.of(0, 0, 1, 2, 3, 4)], block)
  const moved = await subspaceNoise({ ...request, subspace: rows, block, evaluate: lossOnly(w => half(w.slice(0, 2))) })
  for (const { evaluations } of moved) for (const { loss } of evaluations) assert.equal(loss, 0)
})

test('noise towards another model goes straight there, as far as asked, in the block only', async () => {
  const params = Float32Array.of(1, 1, 1, 1)
  const other = Float32Array.of(9, 4, 5, 9)
  const subspace = trainingSubspace([Float32Array.of(0, 1, 0, 0)], { offset: 1, size: 2 })
  const request = { params, other, subspace, block: { offset: 1, size: 2 }, lengths: [5, 10], rng: createRng(1) }
  const seen: number[][] = []
  const results = await subspaceNoise({
    ...request,
    evaluate: async moved => {
      seen.push([...moved])
      return { loss: 0, accuracy: 1 }
    },
  })
  assert.deepEqual(
    results.map(({ space, evaluations }) => [space, evaluations.length]),
    ['training', 'training', 'null', 'null', 'averaging', 'averaging'].map(space => [space, 1]),
  )
  assert.deepEqual(seen.slice(-2), [[1, 4, 5, 1], [1, 7, 9, 1]]) // biome-ignore format: (3, 4) has length 5
  const evaluate = lossOnly(half)
  await assert.rejects(subspaceNoise({ ...request, other: params, evaluate }), /differs from this one/)
  await assert.rejects(subspaceNoise({ ...request, other: new Float32Array(3), evaluate }), { code: 'layout_mismatch' })
})

test('no snapshots, different lengths, and a subspace with nothing outside it are refused', () => {
  assert.throws(() => trainingSubspace([]), { code: 'input_invalid' })
  assert.throws(() => trainingSubspace([new Float32Array(2), new Float32Array(3)]), { code: 'layout_mismatch' })
  const all = trainingSubspace([Float32Array.of(1, 0), Float32Array.of(0, 1)])
  assert.throws(() => directionOutside(all, createRng(1)), /leaves a direction out/)
  assert.throws(() => directionInside(trainingSubspace([new Float32Array(2)]), createRng(1)), /rank 1 or more/)
})
