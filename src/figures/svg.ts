/** Attributes of an element; those that are undefined are left out. */
type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element of SVG. `content` is markup: text of others goes through `escaped` first, attributes always do. */
export function tag(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${typeof value === 'number' ? coordinate(value) : escaped(value)}"`,
  )
  return content === '' ? `<${name}${words.join('')}/>` : `<${name}${words.join('')}>${content}</${name}>`
}

export function text(attributes: Attributes, words: string): string {
  return tag('text', attributes, escaped(words))
}

/** Text as XML holds it, in content and attributes alike. What XML 1.0 has no place for at all becomes U+FFFD. */
export function escaped(words: string): string {
  return words
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

export interface Drawing {
  readonly title: string
  /** What is to be seen, for those who cannot. */
  readonly description: string
  readonly width: number
  readonly height: number
  readonly style: string
  readonly body: readonly string[]
}

/** A whole document: no script, nothing from elsewhere, and colours for light and dark surroundings. */
export function svgDocument({ title, description, width, height, style, body }: Drawing): string {
  const size = { width, height, viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}` }
  const names = { role: 'img', 'aria-labelledby': 'title description' }
  const parts = [
    tag('title', { id: 'title' }, escaped(title)),
    tag('desc', { id: 'description' }, escaped(description)),
    tag('style', {}, `${SHARED_STYLE}${style}`),
    tag('rect', { class: 'page', width, height }),
    ...body,
  ]
  return `${tag('svg', { xmlns: 'http://www.w3.org/2000/svg', ...size, ...names }, `\n${parts.join('\n')}\n`)}\n`
}

/** Roughly how wide words are in the system's sans-serif font, in pixels; rather too wide than too narrow. */
export function widthOf(words: string, fontSize: number): number {
  return [...words].reduce((sum, character) => sum + (character.codePointAt(0)! < 0x2e80 ? 0.6 : 1.05), 0) * fontSize
}

/** The beginning and the end of a name that is too long: layers of one stage differ at their end. */
export function shortened(name: string, length: number): string {
  const characters = [...name]
  if (characters.length <= length) return name
  const end = Math.floor((length - 1) / 2)
  return [...characters.slice(0, length - 1 - end), '…', ...characters.slice(-end)].join('')
}

/** A measured value with three decimals, fewer for large ones, and a real minus. */
export function shown(value: number): string {
  const size = Math.abs(value)
  const digits = size < 9.995 ? (size < 0.9995 ? 3 : 2) : size < 99.95 ? 1 : 0
  const words = size < 1e5 ? size.toFixed(digits) : size.toExponential(1)
  return value < 0 && Number(words) !== 0 ? `−${words}` : words
}

function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100)
}

const SHARED_STYLE = `
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.page { fill: #fff }
.heading { font-size: 16px; font-weight: 600 }
.panel { font-weight: 600 }
.quiet { fill: #59636e }
.middle { text-anchor: middle }
.end { text-anchor: end }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .page { fill: #14171c }
  .quiet { fill: #9aa4af }
}
`
