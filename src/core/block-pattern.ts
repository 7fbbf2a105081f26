import { FedError } from './errors.ts'
import { blockNames, type LayerBlock, type LayerLayout } from './layout.ts'

/**
 * Whether `pattern` names `block`. A pattern is a block name in which `*` stands for any run of characters (none
 * included), e.g. "fc3", "conv*", "stage2/*", "*"; or `kind:` and a tensor kind, which names the blocks that hold such a
 * tensor: "kind:norm". Case counts; no other character is special.
 */
export function matchesBlock(pattern: string, block: LayerBlock): boolean {
  if (pattern.startsWith(KIND)) return block.tensors.some(tensor => tensor.kind === pattern.slice(KIND.length))
  return matchesName(pattern.split('*'), block.name)
}

const KIND = 'kind:'

/**
 * The blocks that at least one of `patterns` names, in layout order. Throws `layer_unknown` for a pattern that names no
 * block: a mistyped name must not silently leave a layer out.
 */
export function blocksMatching(layout: LayerLayout, patterns: readonly string[]): readonly LayerBlock[] {
  for (const pattern of patterns)
    if (!layout.blocks.some(block => matchesBlock(pattern, block)))
      throw new FedError('layer_unknown', {
        expected: `a pattern that matches one of ${blockNames(layout).join(', ')}`,
        received: `"${pattern}"`,
      })
  return layout.blocks.filter(block => patterns.some(pattern => matchesBlock(pattern, block)))
}

/** Greedy: the literal pieces between the stars must follow each other; taking each as early as possible loses nothing. */
function matchesName(pieces: readonly string[], name: string): boolean {
  const [first = '', ...rest] = pieces
  const last = rest.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  const end = name.length - last.length
  let position = first.length
  for (const piece of rest) {
    const found = name.indexOf(piece, position)
    if (found < 0 || found + piece.length > end) return false
    position = found + piece.length
  }
  return true
}
