import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { z } from 'zod'
import { FedError } from '../core/errors.ts'
import { fileKind } from '../core/file-kind.ts'
import { fileTrouble } from '../core/file-trouble.ts'
import { sizeOf } from '../core/layout.ts'
import { firstFailing } from '../core/promises.ts'
import { textOf } from '../core/text-file.ts'
import { validate } from '../core/validate.ts'

const BYTES = { float32: 4, int32: 4, complex64: 8, float16: 2, uint16: 2, uint8: 1, bool: 1 } as const
const dtype = z.enum(Object.keys(BYTES) as (keyof typeof BYTES)[])

const weightSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype,
  quantization: z.looseObject({ dtype }).optional(),
})

/** What we use of a TF.js LayersModel's model.json. */
const modelSchema = z.looseObject({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
})

export type Topology = Readonly<Record<string, unknown>>
export type WeightSpec = z.output<typeof weightSchema>

/** A LayersModel as it lies on disk. */
export interface ModelFiles {
  readonly topology: Topology
  readonly weightSpecs: readonly WeightSpec[]
  /** All weight files, one after another. */
  readonly weightData: ArrayBuffer
}

/**
 * Reads a TF.js LayersModel: a model.json, or the folder of one, and the weight files it names (tfjs-node's file handler,
 * without tfjs-node). Throws `file_unreadable`, or `model_invalid` when the content is something else.
 */
export async function readModelFiles(path: string): Promise<ModelFiles> {
  const file = await modelFile(path)
  const json = parseJson(await read(file), file)
  if (typeof json === 'object' && json !== null && 'format' in json && json.format === 'graph-model')
    throw new FedError('model_invalid', {
      expected: `a LayersModel in ${file}`,
      received: 'a GraphModel, which cannot be trained',
      hint: 'Convert with tensorflowjs_converter --output_format=tfjs_layers_model',
    })
  const { modelTopology, weightsManifest } = validate(modelSchema, json, 'model_invalid')
  const weightSpecs = weightsManifest.flatMap(group => group.weights)
  const paths = weightsManifest.flatMap(group => group.paths)
  const weightData = Buffer.concat(await firstFailing(paths.map(name => read(inside(dirname(file), name)))))
  const expected = weightSpecs.reduce((sum, spec) => sum + bytesOf(spec), 0)
  if (weightData.length !== expected)
    throw new FedError('model_invalid', {
      expected: `${expected} bytes of weights beside ${file}`,
      received: `${weightData.length} bytes`,
    })
  return { topology: modelTopology, weightSpecs, weightData: new Uint8Array(weightData).buffer }
}

async function modelFile(path: string): Promise<string> {
  const file = resolve(path)
  const isFolder = await stat(file).then(
    entry => entry.isDirectory(),
    () => false, // reading it will say why
  )
  return isFolder ? join(file, 'model.json') : file
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new FedError('file_unreadable', {
      expected: `the model file ${file}`,
      received: fileTrouble(cause),
      hint: 'model.path names the folder of a TF.js LayersModel, or its model.json; resume --set model.path=… says where that is now',
      cause,
    })
  }
}

function parseJson(bytes: Buffer, file: string): unknown {
  const text = textOf(bytes)
  const kind = fileKind(bytes)
  if (text === null || kind !== null)
    throw new FedError('model_invalid', {
      expected: `the model.json of a TF.js LayersModel at ${file}`,
      received: kind?.what ?? 'bytes that are no text',
      ...(kind?.conversion !== undefined && { hint: kind.conversion }),
    })
  try {
    return JSON.parse(text)
  } catch (cause) {
    const [received = ''] = String((cause as Error).message).split('\n')
    throw new FedError('model_invalid', { expected: `JSON in ${basename(file)}`, received: short(received), cause })
  }
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}…` : text
}

/** A model that came from elsewhere may not make us read outside its own folder. */
function inside(folder: string, name: string): string {
  const file = resolve(folder, name)
  if (file.startsWith(folder + sep)) return file
  throw new FedError('model_invalid', { expected: `weight files inside ${folder}`, received: name })
}

function bytesOf({ shape, dtype: stored, quantization }: WeightSpec): number {
  return sizeOf(shape) * BYTES[quantization?.dtype ?? stored]
}
