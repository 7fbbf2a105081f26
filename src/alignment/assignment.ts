/**
 * The linear assignment problem: for each row of a square matrix a column of its own, so that the sum of the chosen costs is
 * smallest. By shortest augmenting paths after a column reduction, O(n³) at worst (Jonker and Volgenant 1987, in the form of
 * Crouse 2016). Float64 throughout; among equal solutions it takes always the same.
 *
 * Written here because weight matching solves some fifty of these of 512 × 512 within a few seconds: `linear-sum-assignment`,
 * the maintained library of npm, takes six times as long on an array of arrays.
 *
 * cost: finite, row after row, n · n; result: by row, its column.
 */
export function assignment(cost: Float64Array, n: number): Int32Array {
  const columnOf = new Int32Array(n).fill(-1)
  const rowOf = new Int32Array(n).fill(-1)
  const price = reduceColumns(cost, n, rowOf, columnOf)
  const distance = new Float64Array(n)
  const before = new Int32Array(n)
  const columns = Int32Array.from({ length: n }, (_, column) => column)
  for (let row = 0; row < n; row++) {
    if (columnOf[row]! >= 0) continue
    const end = shortestPath({ cost, n, price, rowOf, distance, before, columns }, row)
    augment(row, end, before, rowOf, columnOf)
  }
  return columnOf
}

/** Each column's smallest cost becomes its price, and a row that is alone in having it takes the column. */
function reduceColumns(cost: Float64Array, n: number, rowOf: Int32Array, columnOf: Int32Array): Float64Array {
  const price = new Float64Array(n)
  for (let column = n - 1; column >= 0; column--) {
    let best = 0
    for (let row = 1; row < n; row++) if (cost[row * n + column]! < cost[best * n + column]!) best = row
    price[column] = cost[best * n + column]!
    if (columnOf[best]! >= 0) continue
    columnOf[best] = column
    rowOf[column] = best
  }
  return price
}

interface Search {
  readonly cost: Float64Array
  readonly n: number
  /** Of each column; cost − price is at its smallest, in each row, at the row's own column. */
  readonly price: Float64Array
  readonly rowOf: Int32Array
  /** Scratch: by column, the length of the shortest path to it, and the row before it on that path. */
  readonly distance: Float64Array
  readonly before: Int32Array
  /** Scratch: all columns, those that are still open first. */
  readonly columns: Int32Array
}

/** Dijkstra's algorithm over reduced costs, from a row to the nearest column that nobody has; updates the prices. */
function shortestPath({ cost, n, price, rowOf, distance, before, columns }: Search, start: number): number {
  for (let column = 0; column < n; column++) {
    distance[column] = cost[start * n + column]! - price[column]!
    before[column] = start
  }
  for (let open = n; ; ) {
    let nearest = 0
    for (let at = 1; at < open; at++) if (distance[columns[at]!]! < distance[columns[nearest]!]!) nearest = at
    const column = columns[nearest]!
    columns[nearest] = columns[--open]!
    columns[open] = column
    const length = distance[column]!
    const row = rowOf[column]!
    if (row < 0) {
      for (let at = open + 1; at < n; at++) price[columns[at]!]! += distance[columns[at]!]! - length
      return column
    }
    const base = length - (cost[row * n + column]! - price[column]!)
    for (let at = 0; at < open; at++) {
      const other = columns[at]!
      const through = base + cost[row * n + other]! - price[other]!
      if (through < distance[other]!) {
        distance[other] = through
        before[other] = row
      }
    }
  }
}

/** Turns over the path that ends at the free column `end`: each row on it takes the column after it. */
function augment(start: number, end: number, before: Int32Array, rowOf: Int32Array, columnOf: Int32Array): void {
  for (let column = end; ; ) {
    const row = before[column]!
    const next = columnOf[row]!
    rowOf[column] = row
    columnOf[row] = column
    if (row === start) return
    column = next
  }
}
