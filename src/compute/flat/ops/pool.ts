import type { PoolOp } from '../../../core/network-plan.ts'
import { geometryOf, type OpKind } from '../op.ts'

export const maxPool: OpKind<PoolOp> = {
  bind({ op, kernels, inputs: [x], output }) {
    const geometry = geometryOf(op.window)
    return {
      forward(rows) {
        kernels.maxPool(x!, output, rows, ...geometry)
        if (op.relu) kernels.addBias(output, rows, op.size, 0, true)
      },
      input: (rows, slope, _index, to) => kernels.maxPoolGradient(x!, slope, to, rows, ...geometry),
    }
  },
}

export const averagePool: OpKind<PoolOp> = {
  bind({ op, kernels, inputs: [x], output }) {
    const geometry = geometryOf(op.window)
    return {
      forward(rows) {
        kernels.averagePool(x!, output, rows, ...geometry)
        if (op.relu) kernels.addBias(output, rows, op.size, 0, true)
      },
      input: (rows, slope, _index, to) => kernels.avgPoolGradient(slope, to, rows, ...geometry),
    }
  },
}
