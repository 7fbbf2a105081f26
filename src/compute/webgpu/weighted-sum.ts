import type { ColumnProgram } from './column-program.ts'

/** Four rows at a time, so that four loads are under way at once; in row order, so that the bits are always the same. */
const SUM = (first: string) => `
  var value = T(0);
  var row = 0;
  for (; row + 3 < rows; row += 4) {
    let v0 = at(row); let v1 = at(row + 1); let v2 = at(row + 2); let v3 = at(row + 3);
    value = fma(T(weights[${first} + row]), v0, value);
    value = fma(T(weights[${first} + row + 1]), v1, value);
    value = fma(T(weights[${first} + row + 2]), v2, value);
    value = fma(T(weights[${first} + row + 3]), v3, value);
  }
  for (; row < rows; row++) { value = fma(T(weights[${first} + row]), at(row), value); }
`

/** Σ_k weights[k] · stack[k], in float32. */
export function weightedSumProgram(weights: readonly number[]): ColumnProgram {
  return { key: 'weighted sum', width: 4, tables: { weights: Float32Array.from(weights) }, code: SUM('0') }
}

/** The same with K weights for each layer; `ends[l]` is the column after the last of layer l, weights are by layer, then row. */
export function layeredSumProgram(weights: readonly number[], ends: readonly number[]): ColumnProgram {
  return {
    key: 'layered sum',
    width: ends.every(end => end % 4 === 0) ? 4 : 1,
    tables: { weights: Float32Array.from(weights), ends: Int32Array.from(ends) },
    code: `
      var layer = 0;
      var last = uniforms.endsShape - 1;
      while (layer < last) {
        let middle = (layer + last) / 2;
        if (column < ends[middle]) { last = middle; } else { layer = middle + 1; }
      }
      ${SUM('layer * rows')}
    `,
  }
}
