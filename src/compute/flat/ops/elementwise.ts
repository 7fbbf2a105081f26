import type { AddOp, RectifierOp } from '../../../core/network-plan.ts'
import type { OpKind } from '../op.ts'

export const add: OpKind<AddOp> = {
  bind({ op: { size, relu }, kernels, inputs: [a, b], output, copy }) {
    return {
      forward: rows => kernels.plus(a!, b!, output, rows * size, relu),
      input: (rows, slope, _index, to) => copy(slope, to, rows * size),
    }
  },
}

export const rectifier: OpKind<RectifierOp> = {
  bind({ op: { size }, kernels, inputs: [x], output, copy }) {
    return {
      forward(rows) {
        copy(x!, output, rows * size)
        kernels.addBias(output, rows, size, 0, true)
      },
      input: (rows, slope, _index, to) => copy(slope, to, rows * size),
    }
  },
}
