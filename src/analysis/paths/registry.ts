import type { LayerLayout } from '../../core/layout.ts'
import { cumulativePath } from './cumulative.ts'
import { fullPath } from './full.ts'
import { layerPath } from './layer.ts'
import { layersPath } from './layers.ts'
import type { PathKind, PathOptions, PathSpec } from './path.ts'
import { windowPath } from './window.ts'

/** Every kind of path between two models. A new one: its file, and its line here. */
export const PATH_KINDS = {
  full: fullPath,
  layer: layerPath,
  cumulative: cumulativePath,
  layers: layersPath,
  window: windowPath,
} as const satisfies Record<PathSpec['path'], PathKind>

export const PATH_NAMES = Object.keys(PATH_KINDS) as [PathSpec['path'], ...PathSpec['path'][]]

/** The paths of the given kinds, in the order of the list. */
export function pathSpecs(
  kinds: readonly PathSpec['path'][],
  layout: LayerLayout,
  options: PathOptions,
): readonly PathSpec[] {
  return kinds.flatMap(kind => PATH_KINDS[kind].specs(layout, options))
}
