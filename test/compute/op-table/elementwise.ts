import * as tf from '@tensorflow/tfjs-core'
import { type Domain, type ElementwiseRow, NORMAL, type Tolerance } from './row.ts'

const EXACT: Tolerance = { ulps: 0 }
/** A correctly rounded operation on a processor, a few units of the last place on a graphics card. */
const ROUNDED: Tolerance = { ulps: 0, onDevice: 3 }
/** WGSL allows exp 3 + 2 |x| ulp. */
const EXPONENTIAL: Tolerance = { ulps: 2, onDevice: 200 }

const { NaN: nan } = Number
const flag = (x: boolean) => (x ? 1 : 0)
const number = (x: tf.Tensor) => tf.cast(x, 'float32')
const normal: Domain = {
  holds: x => Math.abs(x) >= NORMAL,
  why: 'a loss is the logarithm of a sum of at least 1; webgpu gives -88 for the logarithm of 0',
}

function unary(
  op: string,
  call: (x: tf.Tensor) => tf.Tensor,
  float64: (x: number) => number,
  tolerance: Tolerance,
  domain?: Domain,
): ElementwiseRow {
  return { op, operands: 1, call, float64, tolerance, ...(domain && { domain }) }
}

function binary(
  op: string,
  call: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor,
  float64: (x: number, y: number) => number,
  tolerance: Tolerance,
  domain?: Domain,
): ElementwiseRow {
  return { op, operands: 2, call, float64, tolerance, ...(domain && { domain }) }
}

/** What src/ calls. */
const ours: readonly ElementwiseRow[] = [
  unary('abs', tf.abs, Math.abs, EXACT),
  unary('neg', tf.neg, x => -x, EXACT),
  unary('square', tf.square, x => x * x, EXACT),
  unary('sqrt', tf.sqrt, Math.sqrt, ROUNDED),
  unary('rsqrt', tf.rsqrt, x => 1 / Math.sqrt(x), { ulps: 2, onDevice: 4 }),
  unary('sign', tf.sign, Math.sign, EXACT),
  unary('exp', tf.exp, Math.exp, EXPONENTIAL),
  unary('log', tf.log, Math.log, { ulps: 1, onDevice: 4, absolute: 2 ** -21 }, normal),
  unary('relu', tf.relu, x => Math.max(0, x), EXACT),
  unary(
    'step',
    x => tf.step(x),
    x => (Number.isNaN(x) ? nan : flag(x > 0)),
    EXACT,
  ),
  unary(
    'isNaN',
    x => number(tf.isNaN(x)),
    x => flag(Number.isNaN(x)),
    EXACT,
  ),
  unary('clone', tf.clone, x => x, EXACT),
  unary('zerosLike', tf.zerosLike, () => 0, EXACT),
  unary(
    'cast',
    x => number(tf.greater(x, 0.5)),
    x => flag(x > 0.5),
    EXACT,
  ),
  binary('add', tf.add, (x, y) => x + y, EXACT),
  binary(
    'addN',
    (x, y) => tf.addN([x, y]),
    (x, y) => x + y,
    EXACT,
  ),
  binary('sub', tf.sub, (x, y) => x - y, EXACT),
  binary('mul', tf.mul, (x, y) => x * y, EXACT),
  binary('div', tf.div, (x, y) => x / y, ROUNDED),
  binary('divNoNan', tf.divNoNan, (x, y) => (y === 0 ? 0 : x / y), ROUNDED),
  binary('maximum', tf.maximum, Math.max, EXACT),
  binary('minimum', tf.minimum, Math.min, EXACT),
  binary(
    'greater',
    (x, y) => number(tf.greater(x, y)),
    (x, y) => flag(x > y),
    EXACT,
  ),
  binary(
    'lessEqual',
    (x, y) => number(tf.lessEqual(x, y)),
    (x, y) => flag(x <= y),
    EXACT,
  ),
  binary(
    'equal',
    (x, y) => number(tf.equal(x, y)),
    (x, y) => flag(x === y),
    EXACT,
  ),
  binary(
    'notEqual',
    (x, y) => number(tf.notEqual(x, y)),
    (x, y) => flag(x !== y),
    EXACT,
  ),
  binary(
    'logicalAnd',
    (x, y) => number(tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0))),
    (x, y) => flag(x > 0 && y > 0),
    EXACT,
  ),
  binary(
    'logicalOr',
    (x, y) => number(tf.logicalOr(tf.greater(x, 0), tf.greater(y, 0))),
    (x, y) => flag(x > 0 || y > 0),
    EXACT,
  ),
  binary(
    'where',
    (x, y) => tf.where(tf.greater(x, 0), x, y),
    (x, y) => (x > 0 ? x : y),
    EXACT,
  ),
]

/** e^x − 1 is taken as written, or as good as: near 0 a unit gives what rounding leaves, and next to other units that is nothing. */
const NEAR_ZERO: Tolerance = { ulps: 4, onDevice: 200, absolute: 2 ** -22 }

/** What layers and activations of a model of the user call. */
const ofLayers: readonly ElementwiseRow[] = [
  unary('relu6', tf.relu6, x => Math.min(6, Math.max(0, x)), EXACT),
  unary(
    'clipByValue',
    x => tf.clipByValue(x, -0.5, 2),
    x => Math.min(2, Math.max(-0.5, x)),
    EXACT,
  ),
  unary(
    'leakyRelu',
    x => tf.leakyRelu(x, 0.25),
    x => (x < 0 ? 0.25 * x : x),
    { ulps: 1 },
  ),
  unary('elu', tf.elu, x => (x < 0 ? Math.expm1(x) : x), NEAR_ZERO),
  unary('selu', tf.selu, x => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x), NEAR_ZERO),
  unary('sigmoid', tf.sigmoid, x => 1 / (1 + Math.exp(-x)), EXPONENTIAL),
  unary('softplus', tf.softplus, x => (x > 40 ? x : Math.log1p(Math.exp(x))), {
    ulps: 2,
    onDevice: 200,
    absolute: 2 ** -23,
  }),
  unary('tanh', tf.tanh, Math.tanh, { ulps: 2, onDevice: 200, absolute: 2 ** -22 }),
]

export const elementwise: readonly ElementwiseRow[] = [...ours, ...ofLayers]
