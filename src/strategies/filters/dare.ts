import { z } from 'zod'
import type { Rng } from '../../core/rng.ts'
import { changed } from '../cohort.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('dare'),
  drop: z.number().min(0).max(0.999).default(0.5).meta({ description: 'probability with which a value is dropped' }),
})

/**
 * Δ ← Δ · Bernoulli(1 − drop) / (1 − drop), entry by entry: DARE (Yu et al. 2024, equation 1), which leaves the expected
 * update as it is. Masks are drawn by round, client and block, so that they do not depend on who else is there.
 */
export const dare: Part<Filter, typeof schema> = {
  name: 'dare',
  summary: 'Drops random entries of each update and rescales the rest (DARE, Yu et al. 2024).',
  schema,
  make: ({ drop }) => ({
    name: 'dare',
    apply: (cohort, { round, rng }) =>
      changed(cohort, (rows, { name, size }) => {
        for (const [row, client] of cohort.clients.entries())
          mask(rows.subarray(row * size, (row + 1) * size), drop, rng.fork(`dare/${round}/${client}/${name}`))
      }),
  }),
}

/** A draw of 32 bits decides two entries, each by 16 of them: `drop` is rounded to 1 / 65536, the factor with it. */
const HALF = 0x1_0000
/** Entries at a time. */
const PIECE = 8192

function mask(values: Float32Array, drop: number, rng: Rng): void {
  const dropped = Math.round(drop * HALF)
  const factor = Math.fround(HALF / (HALF - dropped))
  const draws = new Uint32Array(PIECE / 2)
  for (let start = 0; start < values.length; start += PIECE) {
    const piece = values.subarray(start, start + PIECE)
    maskPiece(piece, rng.fill(draws.subarray(0, Math.ceil(piece.length / 2))), dropped, factor)
  }
}

function maskPiece(values: Float32Array, draws: Uint32Array, dropped: number, factor: number): void {
  for (let i = 0; i < values.length; i += 2) {
    const draw = draws[i >> 1]!
    values[i] = draw >>> 16 < dropped ? 0 : values[i]! * factor
    if (i + 1 < values.length) values[i + 1] = (draw & 0xffff) < dropped ? 0 : values[i + 1]! * factor
  }
}
