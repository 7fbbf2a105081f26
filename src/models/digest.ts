import { type ModelOptions, models } from './index.ts'
import type { ModelComponent } from './model.ts'

/**
 * SHA-256, hex, of the files that a model comes from; null for an architecture of ours, which its options describe
 * completely. Two sides with equal options and digests build the same network. Throws as reading the files does.
 */
export async function modelDigest(options: ModelOptions): Promise<string | null> {
  const component: ModelComponent = models.named(options.name)
  return (await component.digest?.(options)) ?? null
}
