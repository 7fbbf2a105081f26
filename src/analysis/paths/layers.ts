import { blocksMatching } from '../../core/block-pattern.ts'
import { BASES, type PathKind } from './path.ts'

/**
 * Any set of layers moves, the others stay those of one endpoint: the group barriers of Adilova et al. (ICLR 2024), for
 * the groups that the run file lists. Their word "group" is taken here: a record of path `group` is a whole cohort against
 * its mean. Throws `layer_unknown` for a pattern that matches nothing.
 */
export const layersPath: PathKind = {
  name: 'layers',
  summary: 'a group of layers moves, each of the groups listed, into each of the two models',
  specs: (layout, { groups = [] }) =>
    groups.flatMap(patterns => {
      const layers = blocksMatching(layout, patterns).map(block => block.name)
      return BASES.map(base => ({ path: 'layers' as const, layer: null, layers, order: null, base }))
    }),
}
