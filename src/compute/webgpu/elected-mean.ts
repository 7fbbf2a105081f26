import type { ColumnProgram } from './column-program.ts'

/** Two passes over the rows: whose sign wins, then the mean of those that have it. In float32, in row order. */
export function electedMeanProgram(weights: readonly number[]): ColumnProgram {
  return {
    key: 'elected mean',
    width: 4,
    tables: { weights: Float32Array.from(weights) },
    code: `
      var sum = T(0);
      for (var row = 0; row < rows; row++) { sum = fma(T(weights[row]), at(row), sum); }
      let elected = sign(sum);
      var agreed = T(0);
      var share = T(0);
      for (var row = 0; row < rows; row++) {
        let weight = select(T(0), T(weights[row]), sign(at(row)) == elected);
        agreed = fma(weight, at(row), agreed);
        share += weight;
      }
      let value = select(agreed / share, T(0), elected == T(0));
    `,
  }
}
