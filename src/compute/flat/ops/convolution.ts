import type { ConvolutionOp } from '../../../core/network-plan.ts'
import { geometryOf, type OpKind, weightAt } from '../op.ts'

export const convolution: OpKind<ConvolutionOp> = {
  scratch({ window, filters }, kernels) {
    kernels.describeConvolution(...geometryOf(window))
    return Math.max(kernels.convolutionScratch(), 8 * filters)
  },
  bind({ op, kernels, inputs: [x], output, params, gradients, scratch }) {
    const { window, filters, relu } = op
    const geometry = geometryOf(window)
    const positions = window.outHeight * window.outWidth
    const [kernel, bias] = [weightAt(params, op.kernel), weightAt(params, op.bias)]
    const [kernelSlope, biasSlope] = [weightAt(gradients, op.kernel), weightAt(gradients, op.bias)]
    return {
      forward(rows) {
        kernels.describeConvolution(...geometry)
        kernels.convolve(x!, kernel, output, rows, filters, scratch)
        if (bias || relu) kernels.addBias(output, rows * positions, filters, bias, relu)
      },
      weights(rows, slope) {
        kernels.describeConvolution(...geometry)
        kernels.convolveFilterGradient(x!, slope, kernelSlope, rows, filters, scratch)
        if (bias) kernels.columnSums(slope, rows * positions, filters, biasSlope, scratch)
      },
      input(rows, slope, _index, to) {
        kernels.describeConvolution(...geometry)
        kernels.convolveInputGradient(kernel, slope, to, rows, filters, scratch)
      },
    }
  },
}
