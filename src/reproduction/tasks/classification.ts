import { range } from '../../core/indices.ts'
import { integer, normal, type Rng, shuffle } from '../../core/rng.ts'
import { type Examples, examplesOf, take } from '../../data/examples.ts'

const EXAMPLES = 600
const TEST = 198
const FEATURES = 16
const INFORMATIVE = 3
const REDUNDANT = 2
const CLASSES = 3
const CLUSTERS = 2
/** Share of labels that are drawn anew. */
const FLIPPED = 0.01

/** In words. */
export const CLASSIFICATION = `${EXAMPLES} examples by the rule of scikit-learn’s make_classification: ${FEATURES} features, ${INFORMATIVE} informative, ${REDUNDANT} redundant, ${CLASSES} classes of ${CLUSTERS} clusters, ${100 * FLIPPED} % of the labels drawn anew; ${TEST} of them for testing; not normalised`

/**
 * 600 examples of 3 classes in 16 features, 33 % of them for testing, by the rule of scikit-learn's `make_classification` with 3
 * informative features and 2 clusters a class: each cluster is a normal cloud around its own corner of the cube [−1, 1]³,
 * stretched by a random matrix; two further features are random combinations of the three, and the rest is noise. After
 * Guyon 2003; the random numbers are ours, so the examples are others.
 */
export function classification(rng: Rng): { readonly train: Examples; readonly test: Examples } {
  const corners = shuffle(rng.fork('corners'), Array.from(range(2 ** INFORMATIVE))).slice(0, CLASSES * CLUSTERS)
  const stretches = corners.map((_, cluster) => uniforms(rng.fork(`stretch/${cluster}`), INFORMATIVE ** 2))
  const combinations = uniforms(rng.fork('combinations'), INFORMATIVE * REDUNDANT)
  const values = rng.fork('values')
  const labels = rng.fork('labels')
  const x = new Float32Array(EXAMPLES * FEATURES)
  const y = new Uint8Array(EXAMPLES)
  for (let n = 0; n < EXAMPLES; n++) {
    const cluster = n % corners.length
    const raw = Array.from({ length: INFORMATIVE }, () => normal(values))
    const informative = raw.map((_, j) => {
      const corner = (corners[cluster]! >> j) & 1 ? 1 : -1
      return raw.reduce((sum, value, i) => sum + value * stretches[cluster]![i * INFORMATIVE + j]!, corner)
    })
    for (let feature = 0; feature < FEATURES; feature++) {
      const redundant = feature - INFORMATIVE
      x[n * FEATURES + feature] =
        feature < INFORMATIVE
          ? informative[feature]!
          : redundant < REDUNDANT
            ? informative.reduce((sum, value, i) => sum + value * combinations[i * REDUNDANT + redundant]!, 0)
            : normal(values)
    }
    y[n] = labels.next() < FLIPPED ? integer(labels, CLASSES) : cluster % CLASSES
  }
  const all = examplesOf(x, y, FEATURES, 1)
  const order = shuffle(rng.fork('order'), range(EXAMPLES))
  return { train: take(all, order.slice(TEST)), test: take(all, order.slice(0, TEST)) }
}

/** U(−1, 1). */
function uniforms(rng: Rng, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => 2 * rng.next() - 1)
}
