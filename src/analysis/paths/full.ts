import { blockNames } from '../../core/layout.ts'
import type { PathKind } from './path.ts'

/**
 * W(t) = (1 − t) W1 + t W2 in every layer: linear mode connectivity (Frankle et al., ICML 2020). One path; nothing is
 * left of either endpoint, so it has no base.
 */
export const fullPath: PathKind = {
  name: 'full',
  summary: 'all layers move together',
  specs: layout => [{ path: 'full', layer: null, layers: blockNames(layout), order: null, base: null }],
}
