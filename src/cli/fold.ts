import { stripVTControlCharacters } from 'node:util'

interface FoldOptions {
  /** Spaces before what is carried over; as deep as the line itself where left out. */
  readonly hang?: number
  /** Ends a line that goes on below, e.g. a backslash in a command of the shell. */
  readonly tail?: string
}

/**
 * Text whose lines are no wider than `width`, broken at spaces only: a word, a number or an id that is wider by itself stays
 * whole. Colours have no width.
 */
export function fold(text: string, width: number, { hang, tail = '' }: FoldOptions = {}): string {
  return text
    .split('\n')
    .map(line => foldLine(line, width, ' '.repeat(hang ?? indentOf(line)), tail))
    .join('\n')
}

function foldLine(line: string, width: number, indent: string, tail: string): string {
  if (widthOf(line) <= width) return line
  const lines: string[] = []
  let current = ''
  for (const chunk of line.match(/\s*\S+/g) ?? []) {
    if (current !== '' && widthOf(current) + widthOf(chunk) + tail.length > width) {
      lines.push(current + tail)
      current = indent + chunk.trimStart()
    } else current += chunk
  }
  return [...lines, current].join('\n')
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length
}
