import type { ColumnProgram } from './column-program.ts'

export function largestMagnitudeProgram(): ColumnProgram {
  return {
    key: 'largest magnitude',
    width: 4,
    tables: {},
    code: `
      var value = at(0);
      for (var row = 1; row < rows; row++) { value = select(value, at(row), abs(at(row)) > abs(value)); }
    `,
  }
}
