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
