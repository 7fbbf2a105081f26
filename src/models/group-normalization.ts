import type { serialization, Tensor } from '@tensorflow/tfjs-core'
import { normalize } from '../compute/ops/normalize.ts'
import { EPSILON, Normalization } from './normalization.ts'

/**
 * Group normalisation (Wu and He 2018, equations 1 and 7), which tfjs-layers lacks: the channels of each example are
 * normalised in `groups` of neighbours, over all positions. One group is their layer normalisation. The same in training
 * and in evaluation; there are no running statistics that could be averaged wrongly. Tensors gamma, beta.
 */
export class GroupNormalization extends Normalization {
  static readonly className = 'GroupNormalization'
  private readonly groups: number

  constructor({ name, groups }: { readonly name: string; readonly groups: number }) {
    super({ name })
    this.groups = groups
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), groups: this.groups }
  }

  protected override normalized(x: Tensor): Tensor {
    const sets = { images: x.shape[0] ?? 0, groups: this.groups, epsilon: EPSILON }
    return normalize(x, this.gamma.read(), this.beta.read(), sets)
  }
}
