import { readable } from '../reproduction/check.ts'
import { duration, type Report, verdictsOf } from '../reproduction/report.ts'
import type { Colors } from './terminal.ts'
import { textTable } from './text-table.ts'

/** Check, measured, bound, reference and verdict, as a table for people; what was skipped or broke says so below it. */
export function verdictTable({ checks, seconds, passed }: Report, colors: Colors): string {
  const rows = checks.flatMap(({ number, id, status, measurements }) => {
    if (measurements.length === 0) return [[`${number} ${id}`, '', '', '', '', status]]
    return measurements.map(({ name, value, bound, reference, ok }, i) => [
      i === 0 ? `${number} ${id}` : '',
      name,
      readable(value),
      bound,
      reference ?? '',
      ok ? 'ok' : 'FAILED',
    ])
  })
  const remarks = checks.flatMap(({ id, skipped, error }) => {
    if (skipped) return [`${id}: skipped, ${skipped}`]
    return error ? [`${id}: not run, ${error.message} (${error.code})`] : []
  })
  const verdict = `${verdictsOf(checks)}, in ${duration(seconds)}`
  return [
    textTable(['check', 'measured', 'value', 'bound', 'reference', 'verdict'], rows),
    ...remarks.map(remark => `${remark}\n`),
    `${passed ? colors.green(verdict) : colors.red(verdict)}\n`,
  ].join('')
}
