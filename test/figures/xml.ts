import assert from 'node:assert/strict'

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  /** Its own text, entities resolved. */
  text: string
}

const TOKEN = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy

/** The elements of a document, in order. Fails on anything that is not well-formed, as far as figures use XML. */
export function parseXml(document: string): readonly Element[] {
  const all: Element[] = []
  const open: Element[] = []
  let end = 0
  for (const [token, closes, name, words, closed, text] of document.matchAll(TOKEN)) {
    end += token.length
    const parent = open.at(-1)
    if (text !== undefined) {
      if (parent) parent.text += unescaped(text)
      else assert.match(text, /^\s*$/, 'text outside of the root')
    } else if (closes) assert.equal(open.pop()?.name, name)
    else {
      assert.ok(parent || all.length === 0, 'a second root')
      const element = { name: name!, attributes: attributesOf(words ?? ''), children: [], text: '' }
      parent?.children.push(element)
      all.push(element)
      if (!closed) open.push(element)
    }
  }
  assert.equal(end, document.length, `not XML from here on: ${document.slice(end, end + 60)}`)
  assert.deepEqual(open, [], 'elements left open')
  return all
}

function attributesOf(words: string): Record<string, string> {
  const pairs = [...words.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, unescaped(value!)] as const)
  assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, `an attribute twice: ${words}`)
  return Object.fromEntries(pairs)
}

function unescaped(text: string): string {
  assert.doesNotMatch(text.replace(/&#\d+;/g, ''), /&/)
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
}
