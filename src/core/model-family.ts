import { createHash } from 'node:crypto'
import type { LayerBlock, LayerLayout, Params } from './layout.ts'
import { view } from './layout.ts'

/**
 * Many models that have blocks in common, each given by the version of every block that it has: models are never held
 * whole, and who evaluates them knows what two of them share.
 */
export interface ModelFamily {
  readonly layout: LayerLayout
  /** By model and block index. Equal numbers in a block mean equal bits there. */
  readonly models: readonly (readonly number[])[]
  /** A version of a block, float32[block.size]; not to be written to. */
  values(block: LayerBlock, version: number): Params
}

/** The family of whole models, float32[layout.size] each; equal blocks are found by the SHA-256 of their bits. */
export function familyOf(layout: LayerLayout, models: readonly Params[]): ModelFamily {
  const versions = layout.blocks.map(block => {
    const first = new Map<string, number>()
    return models.map((params, m) => {
      const { buffer, byteOffset, byteLength } = view(params, block)
      const bytes = new Uint8Array(buffer, byteOffset, byteLength)
      const key = createHash('sha256').update(bytes).digest('base64')
      const known = first.get(key)
      if (known === undefined) first.set(key, m)
      return known ?? m
    })
  })
  return {
    layout,
    models: models.map((_, m) => versions.map(block => block[m]!)),
    values: (block, version) => view(models[version]!, block),
  }
}

/** One model that differs from a base in some blocks: float32[block.size] by block index. */
export type Variant = ReadonlyMap<number, Params>

/** The family of variants of one base model; a variant without blocks is the base itself. */
export function variantsOf(layout: LayerLayout, base: Params, variants: readonly Variant[]): ModelFamily {
  return {
    layout,
    models: variants.map((variant, i) => layout.blocks.map(({ index }) => (variant.has(index) ? i + 1 : 0))),
    values: (block, version) => (version === 0 ? view(base, block) : variants[version - 1]!.get(block.index)!),
  }
}

/** Model m of a family as a whole, float32[layout.size]: a new vector. */
export function memberOf({ layout, models, values }: ModelFamily, m: number): Params {
  const params = new Float32Array(layout.size)
  for (const block of layout.blocks) params.set(values(block, models[m]![block.index]!), block.offset)
  return params
}
