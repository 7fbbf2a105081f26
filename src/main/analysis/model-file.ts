import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { FedError, toFedError } from '../../core/errors.ts'
import { fileKind, SAFETENSORS } from '../../core/file-kind.ts'
import { fileTrouble } from '../../core/file-trouble.ts'
import { firstNotFinite } from '../../core/finite.ts'
import { type LayerLayout, type Params, requireSameTensors } from '../../core/layout.ts'
import { decodeTensors, type NamedTensor } from '../../core/safetensors.ts'

export interface ModelFile {
  /** As it was named. */
  readonly file: string
  readonly sha256: string
  /** By their data's order in the file. */
  readonly tensors: readonly NamedTensor[]
}

/**
 * Reads a safetensors file, half precision widened. Throws `file_unreadable`, also for a file that is something else, and `model_invalid`, with
 * tensor and index, for values that are not finite: barriers of such a model would be those of nothing.
 */
export async function readModelFile(file: string): Promise<ModelFile> {
  const model = await read(file)
  const received = firstNotFinite(model.tensors)
  if (received !== null) throw new FedError('model_invalid', { expected: `finite values in ${file}`, received })
  return model
}

async function read(file: string): Promise<ModelFile> {
  let kind: ReturnType<typeof fileKind> = null
  try {
    const bytes = await readFile(file)
    kind = fileKind(bytes)
    return { file, sha256: createHash('sha256').update(bytes).digest('hex'), tensors: decodeTensors(bytes).tensors }
  } catch (cause) {
    if (cause instanceof FedError) throw unlike(file, kind, cause)
    throw new FedError('file_unreadable', {
      expected: `a model as safetensors at ${file}`,
      received: fileTrouble(cause),
      cause,
    })
  }
}

function unlike(file: string, kind: ReturnType<typeof fileKind>, cause: FedError): FedError {
  const { expected, received } = cause.detail
  const wanted = `a model as safetensors at ${file}`
  if (kind === null)
    return new FedError('file_unreadable', { expected: wanted, received: 'a file that is no safetensors file', cause })
  if (kind === SAFETENSORS)
    return new FedError('file_unreadable', { expected: `${wanted}: ${expected}`, ...(received && { received }), cause })
  const hint = 'In Python, safetensors.numpy.save_file(arrays by tensor name, FILE) writes one'
  return new FedError('file_unreadable', { expected: wanted, received: kind.what, hint, cause })
}

/** Throws `layout_mismatch` with the first tensor of the two files that differs. */
export function requireAlike(first: ModelFile, second: ModelFile): void {
  const [left, right] = [first, second].map(({ tensors }) => new Map(tensors.map(tensor => [tensor.name, tensor])))
  for (const name of new Set([...left!.keys(), ...right!.keys()])) {
    const [expected, received] = [left!.get(name), right!.get(name)].map(tensor =>
      tensor ? `${name} [${tensor.shape.join(', ')}]` : `no tensor ${name}`,
    )
    if (expected !== received)
      throw new FedError('layout_mismatch', {
        expected: `${expected} as in ${first.file}`,
        received: `${received} in ${second.file}`,
        hint: 'Only models of one architecture can be averaged',
      })
  }
}

/**
 * The file's parameters, float32[layout.size]; tensors are found by name, in whatever order they lie. Throws
 * `layout_mismatch` with the first tensor that is not the model's.
 */
export function paramsOf({ file, tensors }: ModelFile, layout: LayerLayout): Params {
  const byName = new Map(tensors.map(tensor => [tensor.name, tensor]))
  const wanted = layout.blocks.flatMap(block => block.tensors)
  const complete = wanted.length === tensors.length && wanted.every(({ name }) => byName.has(name))
  const ordered = complete ? wanted.map(({ name }) => byName.get(name)!) : tensors
  try {
    requireSameTensors(layout, ordered)
  } catch (thrown) {
    const { code, detail } = toFedError(thrown)
    throw new FedError(code, {
      ...detail,
      received: `${detail.received} in ${file}`,
      hint: 'model has to be the architecture that the file was made with: --model, or --run-file of its run',
      cause: thrown,
    })
  }
  const params = new Float32Array(layout.size)
  let offset = 0
  for (const { data } of ordered) {
    params.set(data, offset)
    offset += data.length
  }
  return params
}
