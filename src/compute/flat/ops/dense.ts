import type { DenseOp } from '../../../core/network-plan.ts'
import { type OpKind, weightAt } from '../op.ts'

export const dense: OpKind<DenseOp> = {
  scratch: ({ units }, kernels) => Math.max(kernels.productScratch(), 8 * units),
  bind({ op, kernels, inputs: [x], inputSizes: [width], output, params, gradients, scratch }) {
    const { units, relu } = op
    const [kernel, bias] = [weightAt(params, op.kernel), weightAt(params, op.bias)]
    const [kernelSlope, biasSlope] = [weightAt(gradients, op.kernel), weightAt(gradients, op.bias)]
    return {
      forward(rows) {
        kernels.product(rows, width!, units, x!, false, kernel, false, output, false, scratch)
        if (bias || relu) kernels.addBias(output, rows, units, bias, relu)
      },
      weights(rows, slope) {
        kernels.product(width!, rows, units, x!, true, slope, false, kernelSlope, false, scratch)
        if (bias) kernels.columnSums(slope, rows, units, biasSlope, scratch)
      },
      input: (rows, slope, _index, to) =>
        kernels.product(rows, units, width!, slope, false, kernel, true, to, false, scratch),
    }
  },
}
