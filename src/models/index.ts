import type { z } from 'zod'
import { registry } from '../core/registry.ts'
import { cnn } from './cnn.ts'
import { layersModel } from './layers-model.ts'
import { lenet5 } from './lenet5.ts'
import { linear } from './linear.ts'
import { mlp } from './mlp.ts'
import { mobilenet } from './mobilenet.ts'
import { resnet8 } from './resnet8.ts'
import { resnet18 } from './resnet18.ts'
import { vgg8 } from './vgg8.ts'

/** Every architecture that a run file can name. */
export const models = registry('model', [mlp, lenet5, cnn, vgg8, resnet8, resnet18, mobilenet, linear, layersModel])

/** The run file's `model`. */
export const modelSchema = models.schema

export type ModelOptions = z.output<typeof modelSchema>
