import { blockNames } from '../../core/layout.ts'
import { BASES, type PathKind } from './path.ts'

/**
 * One layer moves, the others stay those of one endpoint: layer-wise linear mode connectivity (Adilova et al., ICLR
 * 2024, section 3). Two paths a layer, into endpoint 1 and into endpoint 2; they share no point, and neither of their
 * barriers says anything of the other.
 */
export const layerPath: PathKind = {
  name: 'layer',
  summary: 'one layer moves, into each of the two models',
  specs: layout =>
    blockNames(layout).flatMap(layer =>
      BASES.map(base => ({ path: 'layer' as const, layer, layers: [layer], order: null, base })),
    ),
}
