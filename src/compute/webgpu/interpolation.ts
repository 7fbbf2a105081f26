import type * as tf from '@tensorflow/tfjs-core'
import type { GuardedBackend } from './guarded-backend.ts'

const THREADS = 256

/** (1 − t) a + t b for two float32[P], rounded as the two products and their sum are; one pass over memory. */
export function runInterpolation(
  backend: GuardedBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  t: number,
): tf.TensorInfo {
  const size = a.shape[0]!
  const width = size % 4 === 0 ? 4 : 1
  const type = width === 4 ? 'vec4<f32>' : 'f32'
  return backend.runWebGPUProgram(
    {
      shaderKey: `fedstrata interpolation ${width}`,
      outputShape: [size],
      outputComponent: width,
      variableNames: ['a', 'b'],
      variableComponents: [width, width],
      uniforms: 'count : i32, ofA : f32, ofB : f32,',
      workgroupSize: [THREADS, 1, 1],
      dispatchLayout: { x: [0] },
      dispatch: [Math.ceil(size / width / THREADS), 1, 1],
      getUserCode: () => `
        fn main(index : i32) {
          if (index >= uniforms.count) { return; }
          result[index] = ${type}(uniforms.ofA) * a[index] + ${type}(uniforms.ofB) * b[index];
        }
      `,
    },
    [a, b],
    'float32',
    [
      { type: 'int32', data: [size / width] },
      { type: 'float32', data: [1 - t] },
      { type: 'float32', data: [t] },
    ],
  )
}
