import { view } from '../core/layout.ts'
import type { MetricRecord } from '../core/records.ts'
import { layerNorm } from '../privacy/clip.ts'
import type { OpenRound } from './closed-round.ts'
import { metricRow } from './metric-row.ts'
import type { Session } from './session.ts'

/** Where rounding to float32 may leave an update that was clipped to 1. */
const AT_THE_BOUND = 0.999

/** ε of the rounds so far, and the share of the cohort whose update is as long as it may be, of each layer where those are clipped. */
export function privacyMetrics(
  { accountant, runFile: { privacy }, layout }: Pick<Session, 'accountant' | 'runFile' | 'layout'>,
  { job: { round, server }, result: { averaged }, trained }: OpenRound,
): MetricRecord[] {
  if (!accountant || !privacy) return []
  const spent = metricRow(round, 'privacy/epsilon', accountant.epsilonAfter(round))
  const blocks = layout.blocks.filter(({ name }) => averaged.includes(name))
  // With noise on it, the length of an update says nothing.
  if (trained.length === 0 || blocks.length === 0 || privacy.noiseOn === 'updates') return [spent]
  const squares = trained.map(({ before }) => blocks.map(block => squaredDistance(view(before, block), view(server.params, block)))) // biome-ignore format: one line
  const share = (norms: readonly number[], most: number) =>
    norms.filter(norm => norm >= AT_THE_BOUND * most).length / norms.length
  if (privacy.clip === 'model') {
    const norms = squares.map(ofClient => Math.sqrt(ofClient.reduce((sum, square) => sum + square, 0)))
    return [spent, metricRow(round, 'privacy/clipped', share(norms, privacy.clipNorm))]
  }
  const most = layerNorm(privacy.clipNorm, blocks.length)
  return [
    spent,
    ...blocks.map(({ name: layer }, b) => {
      const norms = squares.map(ofClient => Math.sqrt(ofClient[b]!))
      return metricRow(round, 'privacy/clipped', share(norms, most), { layer })
    }),
  ]
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}
