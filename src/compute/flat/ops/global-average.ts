import type { GlobalAverageOp } from '../../../core/network-plan.ts'
import type { OpKind } from '../op.ts'

export const globalAverage: OpKind<GlobalAverageOp> = {
  bind({ op: { positions, channels, relu }, kernels, inputs: [x], output }) {
    return {
      forward(rows) {
        kernels.channelMeans(x!, output, rows, positions, channels)
        if (relu) kernels.addBias(output, rows, channels, 0, true)
      },
      input: (rows, slope, _index, to) => kernels.channelMeansGradient(slope, to, rows, positions, channels),
    }
  },
}
