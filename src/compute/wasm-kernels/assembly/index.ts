/**
 * The kernel pack: float32 kernels on the heap of tfjs-backend-wasm. Every address is one on that heap; the module has
 * no memory, stack or data of its own, so it can live there beside TF.js without either noticing the other.
 */
export { product, productScratch } from './gemm'
export { addInnerProducts, addMean, addNorms, addProducts, squaredSum } from './cohort'
export { addBias, addRow, columnSums, rectifierGradient } from './epilogue'
export {
  convolutionScratch,
  convolve,
  convolveFilterGradient,
  convolveInputGradient,
} from './convolution'
export { depthwiseFilterGradient, depthwiseInputGradient, depthwiseScratch } from './depthwise'
export { clamp, hasLeast, plus, rectify, scale, scaleBytes } from './elementwise'
export { describeConvolution } from './geometry'
export { normalizationScratch, normalize, normalizeGradient } from './normalization'
export { averagePool, channelMeans, channelMeansGradient, maxPool } from './pool-forward'
export { avgPoolGradient, maxPoolGradient } from './pooling'
export { adamStep, proxGradient, sgdStep } from './step'
export { segmentSum } from './segments'
export { sumScratch, weightedSum } from './stack'
export { rowSums, squareSum } from './sums'
export { centralMean, electedMean, meanAroundMedian, stripScratch } from './strips'
