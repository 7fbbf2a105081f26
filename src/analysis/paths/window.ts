import { FedError } from '../../core/errors.ts'
import { blockNames } from '../../core/layout.ts'
import { BASES, type PathKind } from './path.ts'

/** Layers in a window when nothing else is said. */
export const WINDOW = 2

/**
 * `window` adjacent layers move, from the first ones to the last: L − window + 1 groups of equal size. What the reviewers of
 * Adilova et al. (ICLR 2024) asked for, since in a cumulative path a layer's place and the size of the group change
 * together. A record names the window by its first layer; a window of one is the layer path, of all the full path.
 * Throws `input_invalid` for a window that is wider than the network is deep.
 */
export const windowPath: PathKind = {
  name: 'window',
  summary: 'adjacent layers move, a window of equal size from input to output, into each of the two models',
  specs(layout, { window = WINDOW }) {
    const names = blockNames(layout)
    if (!Number.isInteger(window) || window < 1 || window > names.length)
      throw new FedError('input_invalid', {
        expected: `a window of 1 to ${names.length} layers, as many as the model has`,
        received: String(window),
      })
    return names.slice(0, names.length - window + 1).flatMap((layer, first) => {
      const layers = names.slice(first, first + window)
      return BASES.map(base => ({ path: 'window' as const, layer, layers, order: null, base }))
    })
  },
}
