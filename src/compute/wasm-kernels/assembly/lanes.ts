/** Moves of the lanes of a vector that several kernels make. */

/** The upper two floats, where promote_low_f32x4 looks. */
@inline
export function upper(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 2, 3, 2, 3)
}
