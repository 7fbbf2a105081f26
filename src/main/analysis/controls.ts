import { type CurveTest, curveTest } from '../../analysis/controls/bezier.ts'
import { type Curvature, curvatures } from '../../analysis/controls/curvature.ts'
import { type Distance, modelDistances } from '../../analysis/controls/distances.ts'
import { type FeatureConnectivity, featureConnectivity } from '../../analysis/controls/features.ts'
import { type FunctionalSimilarity, functionalSimilarity } from '../../analysis/controls/functional.ts'
import { outputDifference } from '../../analysis/controls/output-difference.ts'
import { type RandomDirection, randomDirections } from '../../analysis/controls/random-direction.ts'
import { type LayerShare, layerShares } from '../../analysis/controls/shapley.ts'
import { headSharpness } from '../../analysis/controls/sharpness.ts'
import type { Endpoint, EvaluateFamily } from '../../analysis/evaluation.ts'
import { pathSpecs } from '../../analysis/paths/registry.ts'
import type { Params } from '../../core/layout.ts'
import type { Rng } from '../../core/rng.ts'
import type { Examples } from '../../data/examples.ts'
import type { Network } from '../../models/network.ts'
import { everyLayer, headAndLogits, logitsOnly, type Pick, visitActivations } from '../../training/activations.ts'
import { evaluate } from '../../training/evaluate.ts'
import type { ControlName } from './request.ts'

/** The two models on one split. */
export interface ControlInput {
  readonly network: Network
  readonly a: Endpoint
  readonly b: Endpoint
  readonly examples: Examples
  readonly indices: Uint32Array
  readonly draws: number
  readonly rng: Rng
  readonly signal: AbortSignal | undefined
  readonly evaluateFamily: EvaluateFamily
  /** The trained bend of the curve. */
  bend(): Promise<Params>
  /** Measured once, for what two controls show. */
  features(): Promise<readonly FeatureConnectivity[]>
}

/** What each control gives on one split. */
export interface ControlResults {
  /** Of either model towards the other. */
  random: readonly (RandomDirection & { readonly base: 1 | 2 })[]
  distance: readonly Distance[]
  curvature: readonly Curvature[]
  features: readonly Omit<FeatureConnectivity, 'varianceRatio'>[]
  variance: readonly { readonly layer: string; readonly varianceRatio: number | null }[]
  functional: FunctionalSimilarity
  /** κ of each of the two. */
  sharpness: readonly number[]
  /** Of either model towards the other. */
  shapley: readonly (LayerShare & { readonly base: 1 | 2 })[]
  bezier: CurveTest
}

type Controls = { readonly [K in ControlName]: (input: ControlInput) => Promise<ControlResults[K]> }

/** Every control of docs/metrics.md that two model files are enough for. */
export const controls: Controls = {
  async random({ network: { layout }, a, b, draws, rng, evaluateFamily }) {
    const shared = { layout, draws, rng: rng.fork('random'), evaluateFamily }
    const ofA = await randomDirections({ ...shared, base: a.params, other: b.params })
    const ofB = await randomDirections({ ...shared, base: b.params, other: a.params })
    return [...ofA.map(row => ({ base: 1 as const, ...row })), ...ofB.map(row => ({ base: 2 as const, ...row }))]
  },
  distance: async ({ network, a, b }) => modelDistances(network.layout, [a, b]),
  curvature: ({ network: { layout }, a, b, rng, evaluateFamily }) => {
    const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng })
    return curvatures({ layout, a: a.params, b: b.params, paths, evaluateFamily })
  },
  features: async ({ features }) => (await features()).map(({ varianceRatio: _, ...rest }) => rest),
  variance: async ({ features }) => (await features()).map(({ layer, varianceRatio }) => ({ layer, varianceRatio })),
  functional: input => functionalSimilarity(input.a.params, input.b.params, visitorOf(input, logitsOnly)),
  async sharpness(input) {
    const kappas = []
    for (const { params } of [input.a, input.b])
      kappas.push(await headSharpness(input.network.layout, params, visitorOf(input, headAndLogits)))
    return kappas
  },
  async shapley({ network: { layout }, a, b, draws, rng, evaluateFamily }) {
    const shared = { layout, draws, rng: rng.fork('shapley'), evaluateFamily }
    const ofA = await layerShares({ ...shared, a: a.params, b: b.params })
    const ofB = await layerShares({ ...shared, a: b.params, b: a.params })
    return [...ofA.map(row => ({ base: 1 as const, ...row })), ...ofB.map(row => ({ base: 2 as const, ...row }))]
  },
  async bezier({ network, a, b, examples, indices, signal, bend }) {
    const curve = { a: a.params, b: b.params, bend: await bend() }
    return curveTest(curve, params => evaluate(network, params, examples, { indices, signal }))
  },
}

export function featuresOf(input: Omit<ControlInput, 'features'>): Promise<FeatureConnectivity[]> {
  const { network, a, b } = input
  const visitFeatures = visitorOf(input, everyLayer)
  return featureConnectivity({ layout: network.layout, a: a.params, b: b.params, visitFeatures })
}

/** The largest difference between a logit of the one model and of the other. */
export function outputsApart(input: Omit<ControlInput, 'features'>): Promise<number> {
  return outputDifference(input.a.params, input.b.params, visitorOf(input, logitsOnly))
}

function visitorOf({ network, examples, indices, signal }: Omit<ControlInput, 'features'>, pick: Pick) {
  return (models: readonly Params[], visit: Parameters<typeof visitActivations>[2]) =>
    visitActivations({ network, examples, pick }, models, visit, { indices, signal })
}
