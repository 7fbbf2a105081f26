/**
 * own + (global − own) · mixing in each weight, mixing in [0, 1], rounded once: what FedALA makes of two versions of a layer's
 * weights. What else is in the layer, its running statistics, stays `own`: its code mixes parameters, and no buffers.
 */
export function mixed(own: Float32Array, global: Float32Array, mixing: Float32Array): Float32Array {
  return own.map((value, i) => (i < mixing.length ? value + (global[i]! - value) * mixing[i]! : value))
}
