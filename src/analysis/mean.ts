import { FedError } from '../core/errors.ts'
import type { Params } from '../core/layout.ts'

/**
 * The mean of K models, each counted once: float32[P] from K × float32[P], summed in float64 in the given order, rounded
 * once. One model gives its own values back, and so do equal ones. Throws `input_invalid` for none, `layout_mismatch`
 * for different lengths.
 */
export function meanParams(members: readonly Params[]): Params {
  const [first] = members
  if (!first) throw new FedError('input_invalid', { expected: 'at least one model', received: 'none' })
  const sum = new Float64Array(first.length)
  for (const params of members) {
    if (params.length !== sum.length)
      throw new FedError('layout_mismatch', {
        expected: `${sum.length} parameters in each model`,
        received: String(params.length),
      })
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + params[i]!
  }
  return Float32Array.from(sum, total => total / members.length)
}
