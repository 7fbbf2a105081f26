import { table } from 'table'
import { fold, widthOf } from './fold.ts'
import { terminalWidth } from './terminal.ts'

type Row = readonly string[]

const GAP = 2

/**
 * Columns of text under a header, numbers and the like to the right, without lines. Where the terminal is too narrow for
 * them, the columns that do not fit come in a block below, with the first one again, which says what a row is of.
 */
export function textTable(
  header: Row,
  rows: readonly Row[],
  width = terminalWidth(process.stdout, process.env),
): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map(row => widthOf(row[column] ?? ''))))
  return blocksOf(widths, width)
    .map(columns => {
      const pick = (row: Row) => columns.map(column => row[column] ?? '')
      return block(pick(header), rows.map(pick), width)
    })
    .join('\n')
}

/** Which columns stand side by side. */
function blocksOf([first = 0, ...others]: readonly number[], width: number): readonly (readonly number[])[] {
  const blocks: number[][] = [[0]]
  let used = first
  for (const [i, wide] of others.entries()) {
    const isFull = used + GAP + wide > width && blocks.at(-1)!.length > 1
    if (isFull) {
      blocks.push([0])
      used = first
    }
    blocks.at(-1)!.push(i + 1)
    used += GAP + wide
  }
  return blocks
}

function block(header: Row, rows: readonly Row[], width: number): string {
  const columns = header.map((_, column) => ({
    alignment: rows.every(row => NUMERIC.test(row[column] ?? '')) ? ('right' as const) : ('left' as const),
  }))
  const left = width - header.slice(0, -1).reduce((sum, _, i) => sum + widest(i, header, rows) + GAP, 0)
  // What is too wide by itself is folded in its cell: a list of layers, say.
  const fitted = (row: Row) => row.map((cell, i) => (i === header.length - 1 ? fold(cell, Math.max(left, 20)) : cell))
  const text = table([[...header], ...rows.map(fitted)], {
    columns,
    columnDefault: { paddingLeft: 0, paddingRight: GAP },
    border: NO_BORDER,
    drawHorizontalLine: () => false,
  })
  return text.replace(/ +$/gm, '')
}

function widest(column: number, header: Row, rows: readonly Row[]): number {
  return Math.max(...[header, ...rows].map(row => widthOf(row[column] ?? '')))
}

const NUMERIC = /^([+−-]?\d[\d.,]*( ± \d[\d.,]*)?( ?(ms|s|%))?|–|)$/

const NO_BORDER = Object.fromEntries(
  ['topBody', 'topJoin', 'topLeft', 'topRight', 'bottomBody', 'bottomJoin', 'bottomLeft', 'bottomRight']
    .concat(['bodyLeft', 'bodyRight', 'bodyJoin', 'joinBody', 'joinLeft', 'joinRight', 'joinJoin'])
    .map(part => [part, '']),
)
