/** The functions of assembly/index.ts. Addresses are bytes on TF.js's heap, sizes are counts of elements. */
export interface PackFunctions {
  product(m: number, k: number, n: number, ...operands: Operands): void
  productScratch(): number
  addBias(x: number, rows: number, columns: number, bias: number, relu: boolean): void
  addRow(x: number, row: number, out: number, rows: number, columns: number, scratch: number): void
  columnSums(x: number, rows: number, columns: number, out: number, scratch: number): void
  rectifierGradient(y: number, dy: number, dx: number, length: number): void
  describeConvolution(...geometry: ConvolutionGeometry): void
  convolutionScratch(): number
  convolve: Convolve
  convolveFilterGradient: Convolve
  convolveInputGradient: Convolve
  depthwiseScratch(outChannels: number): number
  depthwiseFilterGradient: Convolve
  depthwiseInputGradient: Convolve
  maxPoolGradient(x: number, dy: number, dx: number, batch: number, ...geometry: PoolGeometry): void
  avgPoolGradient(dy: number, dx: number, batch: number, ...geometry: PoolGeometry): void
  normalizationScratch(channels: number): number
  normalize(...input: NormalizeInput): void
  normalizeGradient(...input: NormalizeGradientInput): void
  maxPool(x: number, y: number, batch: number, ...geometry: PoolGeometry): void
  /** Of windows inside the image: top and left are not looked at. */
  averagePool(x: number, y: number, batch: number, ...geometry: PoolGeometry): void
  channelMeans(x: number, y: number, batch: number, positions: number, channels: number): void
  channelMeansGradient(dy: number, dx: number, batch: number, positions: number, channels: number): void
  plus(a: number, b: number, out: number, length: number, relu: boolean): void
  scale(x: number, length: number, factor: number): void
  hasLeast(x: number, length: number): boolean
  rectify(x: number, out: number, length: number): void
  clamp(x: number, out: number, length: number, low: number, high: number): void
  rowSums(x: number, rows: number, length: number, out: number): void
  squareSum(x: number, length: number): number
  scaleBytes(from: number, to: number, length: number, factor: number): void
  segmentSum(x: number, ids: number, rows: number, length: number, out: number, segments: number): void
  sgdStep(...input: SgdInput): void
  adamStep(...input: AdamInput): void
  proxGradient(gradient: number, weight: number, anchor: number, out: number, length: number, mu: number): void
  sumScratch(): number
  weightedSum(...input: WeightedSumInput): void
  stripScratch(rows: number): number
  centralMean(stack: number, rows: number, columns: number, cut: number, out: number, scratch: number): void
  meanAroundMedian(stack: number, rows: number, columns: number, count: number, out: number, scratch: number): void
  electedMean(stack: number, weights: number, rows: number, columns: number, out: number, scratch: number): void
  addNorms(...input: [...Rows, squares: number]): void
  addMean(...input: [...Rows, shares: number, mean: number]): void
  addProducts(
    ...input: [...Rows, mean: number, ones: number, others: number, dots: number, one: number, other: number]
  ): void
  addInnerProducts(
    ...input: [
      a: number,
      rowsA: number,
      b: number,
      rowsB: number,
      length: number,
      stride: number,
      upper: boolean,
      out: number,
    ]
  ): void
  squaredSum(values: number, length: number): number
}

type Operands = [
  a: number,
  turnedA: boolean,
  b: number,
  turnedB: boolean,
  c: number,
  accumulate: boolean,
  scratch: number,
]

/** Two operands and the result, each in the order of its name's formula. */
type Convolve = (left: number, right: number, out: number, batch: number, outChannels: number, scratch: number) => void

export type PoolGeometry = [
  inHeight: number,
  inWidth: number,
  channels: number,
  outHeight: number,
  outWidth: number,
  filterHeight: number,
  filterWidth: number,
  strideHeight: number,
  strideWidth: number,
  top: number,
  left: number,
]

export type ConvolutionGeometry = PoolGeometry

/** x is seen as [images, positions, groups, width]. */
type Sets = [images: number, positions: number, groups: number, width: number]

type NormalizeInput = [
  x: number,
  gamma: number,
  beta: number,
  y: number,
  mean: number,
  variance: number,
  scale: number,
  ...sets: Sets,
  epsilon: number,
  scratch: number,
]

type NormalizeGradientInput = [
  dy: number,
  x: number,
  gamma: number,
  mean: number,
  scale: number,
  dx: number,
  dGamma: number,
  dBeta: number,
  ...sets: Sets,
  scratch: number,
]

/** Updates of a cohort: rows less an origin. */
type Rows = [rows: number, count: number, length: number, origin: number]

type WeightedSumInput = [
  stack: number,
  stride: number,
  weights: number,
  rows: number,
  columns: number,
  out: number,
  scratch: number,
]

type SgdInput = [
  weight: number,
  gradient: number,
  velocity: number,
  newWeight: number,
  newVelocity: number,
  length: number,
  rate: number,
  momentum: number,
  decay: number,
]

type AdamInput = [
  weight: number,
  gradient: number,
  mean: number,
  square: number,
  newWeight: number,
  newMean: number,
  newSquare: number,
  length: number,
  rate: number,
  beta1: number,
  rest1: number,
  beta2: number,
  rest2: number,
  scale: number,
  epsilon: number,
]
