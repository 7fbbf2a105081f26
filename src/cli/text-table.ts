import { table } from 'table'

/** Columns of text under a header, numbers and the like to the right, without lines. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = header.map((_, column) => ({
    alignment: rows.every(row => NUMERIC.test(row[column] ?? '')) ? ('right' as const) : ('left' as const),
  }))
  const text = table([[...header], ...rows.map(row => [...row])], {
    columns,
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    border: NO_BORDER,
    drawHorizontalLine: () => false,
  })
  return text.replace(/ +$/gm, '')
}

const NUMERIC = /^([+−-]?\d[\d.,]*( ± \d[\d.,]*)?( ?(ms|s|%))?\*?|–|)$/

const NO_BORDER = Object.fromEntries(
  ['topBody', 'topJoin', 'topLeft', 'topRight', 'bottomBody', 'bottomJoin', 'bottomLeft', 'bottomRight']
    .concat(['bodyLeft', 'bodyRight', 'bodyJoin', 'joinBody', 'joinLeft', 'joinRight', 'joinJoin'])
    .map(part => [part, '']),
)
