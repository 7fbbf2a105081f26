import { type LayerLayout, layoutOf } from '../../src/core/layout.ts'

/** Dense layers fc1, fc2, …: kernel [inputs, outputs] and bias [outputs]. */
export function denseLayout(...widths: readonly number[]): LayerLayout {
  return layoutOf(
    widths.slice(1).flatMap((outputs, index) => [
      { name: `fc${index + 1}/kernel`, shape: [widths[index]!, outputs], kind: 'kernel', trainable: true },
      { name: `fc${index + 1}/bias`, shape: [outputs], kind: 'bias', trainable: true },
    ]),
  )
}

/** 17 values: fc1 = 2·3 + 3, fc2 = 3·2 + 2. */
export const small = denseLayout(2, 3, 2)

/** 300,300 values, 1.2 MB: more than one chunk. fc1 = 299·1000 + 1000, fc2 = 1000 · 0.3 of that is left out. */
export const large = denseLayout(299, 1000)

/** 0, 1, 2, … of a length: every value tells where it belongs. */
export function counting(length: number, from = 0): Float32Array {
  return Float32Array.from({ length }, (_, index) => from + index)
}
