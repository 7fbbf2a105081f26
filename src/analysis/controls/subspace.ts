import { FedError } from '../../core/errors.ts'
import type { LayerBlock, Params } from '../../core/layout.ts'
import { normal, type Rng } from '../../core/rng.ts'
import type { Evaluate, Evaluation } from '../evaluation.ts'

/** An orthonormal basis of the span of snapshots of a training, float64[size] each; as many as its rank. */
export interface Subspace {
  readonly size: number
  readonly basis: readonly Float64Array[]
}

/**
 * The span of the snapshots that a training left, the initial model among them: what the columns of the snapshot matrix
 * reach (Adilova et al., ICLR 2024, on robustness). `block` takes only that layer's rows. Gram and Schmidt in float64, largest
 * remainder first and each orthogonalised twice; a remainder counts as zero below max(size, snapshots) · 2⁻²³ of the largest
 * snapshot, the rounding of float32 data, as in NumPy's `orth`.
 *
 * The snapshots are copied. The paper's notebooks forgot to, so their snapshots all were the final model and the "subspace" had
 * rank 2. Throws `input_invalid` for none and `layout_mismatch` for different lengths.
 */
export function trainingSubspace(snapshots: readonly Params[], block?: Pick<LayerBlock, 'offset' | 'size'>): Subspace {
  const [first] = snapshots
  if (!first) throw new FedError('input_invalid', { expected: 'at least one snapshot', received: 'none' })
  const { offset, size } = block ?? { offset: 0, size: first.length }
  const rest = snapshots.map(snapshot => {
    if (snapshot.length !== first.length)
      throw new FedError('layout_mismatch', {
        expected: `${first.length} parameters in each snapshot`,
        received: String(snapshot.length),
      })
    return Float64Array.from(snapshot.subarray(offset, offset + size))
  })
  const basis: Float64Array[] = []
  const zero = Math.max(size, rest.length) * 2 ** -23 * Math.max(...rest.map(norm))
  while (rest.length > 0) {
    const norms = rest.map(norm)
    const next = norms.indexOf(Math.max(...norms))
    const [column] = rest.splice(next, 1) as [Float64Array]
    removeAll(column, basis) // once more: what rounding left of the basis in it
    const length = norm(column)
    if (!(length > zero)) break
    const direction = column.map(value => value / length)
    basis.push(direction)
    for (const other of rest) removeAll(other, [direction])
  }
  return { size, basis }
}

/** A unit vector drawn uniformly from the directions of the subspace, float64[size]. */
export function directionInside({ basis, size }: Subspace, rng: Rng): Float64Array {
  const direction = new Float64Array(size)
  for (const column of basis) addTo(direction, column, normal(rng))
  return unit(direction, 'a subspace of rank 1 or more')
}

/** A unit vector drawn uniformly from the directions at right angles to the subspace: the null space of the snapshots. */
export function directionOutside({ basis, size }: Subspace, rng: Rng): Float64Array {
  const direction = Float64Array.from({ length: size }, () => normal(rng))
  if (basis.length >= size) direction.fill(0)
  removeAll(direction, basis)
  removeAll(direction, basis)
  return unit(direction, 'a subspace that leaves a direction out')
}

export interface NoiseRequest {
  readonly params: Params
  readonly subspace: Subspace
  /** Another model: noise then also goes straight towards it, and away from it. */
  readonly other?: Params | undefined
  /** Where the subspace's rows lie in the vector; the whole when left out. */
  readonly block?: Pick<LayerBlock, 'offset' | 'size'> | undefined
  /** Lengths of the noise, in units of the parameters. */
  readonly lengths: readonly number[]
  readonly draws?: number | undefined
  readonly rng: Rng
  readonly evaluate: Evaluate
}

export interface Noise {
  readonly space: 'training' | 'null' | 'averaging'
  readonly length: number
  /** One for each draw; towards another model there is but one direction. */
  readonly evaluations: readonly Evaluation[]
}

/**
 * What noise of a given length costs inside the training subspace and outside it: params + length · v with a random unit vector
 * v of either. Isotropic, so that it does not depend on the choice of a basis; the paper's notebooks take coefficients from
 * U[0, 1] in the basis of an SVD. Draw d has the same direction at every length. With `other` also the averaging direction, as
 * in the notebooks: v = (other − params) / ‖other − params‖ in the block. Throws `layout_mismatch` for an `other` of another size.
 */
export async function subspaceNoise(request: NoiseRequest): Promise<Noise[]> {
  const { params, subspace, block, lengths, draws = 1, rng, evaluate } = request
  const drawn = (space: Noise['space'], draw: typeof directionInside) =>
    Array.from({ length: draws }, (_, d) => draw(subspace, rng.fork(`${space}/${d}`)))
  const spaces: [Noise['space'], readonly Float64Array[]][] = [
    ['training', drawn('training', directionInside)],
    ['null', drawn('null', directionOutside)],
    ['averaging', averagingDirection(request)],
  ]
  const results: Noise[] = []
  for (const [space, directions] of spaces) {
    if (directions.length === 0) continue
    for (const length of lengths) {
      const evaluations: Evaluation[] = []
      for (const direction of directions) evaluations.push(await evaluate(moved(params, direction, length, block)))
      results.push({ space, length, evaluations })
    }
  }
  return results
}

function averagingDirection({ params, other, block, subspace: { size } }: NoiseRequest): readonly Float64Array[] {
  if (!other) return []
  if (other.length !== params.length)
    throw new FedError('layout_mismatch', {
      expected: `${params.length} parameters in the other model`,
      received: String(other.length),
    })
  const offset = block?.offset ?? 0
  const difference = Float64Array.from({ length: size }, (_, i) => other[offset + i]! - params[offset + i]!)
  return [unit(difference, 'another model that differs from this one')]
}

function moved(params: Params, direction: Float64Array, length: number, block?: { readonly offset: number }): Params {
  const result = params.slice()
  const offset = block?.offset ?? 0
  for (let i = 0; i < direction.length; i++) result[offset + i] = params[offset + i]! + length * direction[i]!
  return result
}

function removeAll(vector: Float64Array, basis: readonly Float64Array[]): void {
  for (const column of basis) addTo(vector, column, -dot(vector, column))
}

function addTo(vector: Float64Array, column: Float64Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! + factor * column[i]!
}

function dot(u: Float64Array, v: Float64Array): number {
  let sum = 0
  for (let i = 0; i < u.length; i++) sum += u[i]! * v[i]!
  return sum
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector))
}

function unit(vector: Float64Array, expected: string): Float64Array {
  const length = norm(vector)
  if (length === 0) throw new FedError('input_invalid', { expected, received: 'none' })
  return vector.map(value => value / length)
}
