/** What several kernels do with a vector. */

/** The upper two floats, where promote_low_f32x4 looks. */
@inline
export function upper(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 2, 3, 2, 3)
}

/**
 * max(x, 0), and NaN of NaN, in two instructions of x86; f32x4.max takes eight, to have NaN and the signs of zeros right. Of −0 it
 * gives 0, as that does.
 */
@inline
export function rectified(x: v128): v128 {
  return v128.andnot(x, f32x4.le(x, f32x4.splat(0)))
}
