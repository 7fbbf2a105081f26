interface Kind {
  readonly what: string
  /** How to make a TF.js LayersModel of it, where there is a way. */
  readonly conversion?: string
}

const convert = (format: string) =>
  `pip install tensorflowjs, then tensorflowjs_converter --input_format=${format} --output_format=tfjs_layers_model FILE FOLDER`
const REBUILD =
  'There is no converter to TF.js layers: build the network in Keras, set its weights there, and convert that'

const PYTORCH: Kind = { what: 'a file of PyTorch', conversion: REBUILD }
const KERAS: Kind = { what: 'a Keras model (.keras)', conversion: convert('keras_keras') }
const HDF5: Kind = { what: 'an HDF5 file, as Keras writes it (.h5)', conversion: convert('keras') }
const ONNX: Kind = { what: 'an ONNX model', conversion: REBUILD }
const SAVED_MODEL: Kind = { what: 'a SavedModel of TensorFlow', conversion: convert('keras_saved_model') }
export const SAFETENSORS: Kind = {
  what: 'a safetensors file, which has weights but no network',
  conversion:
    'fedstrata analyze compares such files; a run needs a network: name an architecture of its own with model.name',
}

/**
 * What a file is by its first bytes (some hundred are enough); null for what looks like text or is not known. Sources: the
 * HDF5 file format specification ("Signature"), PKWARE's APPNOTE.TXT (4.3.7), Python's pickletools (PROTO), `onnx.proto`
 * (ModelProto: ir_version is field 1), `saved_model.proto` (field 1 is a version, 2 a MetaGraphDef), the safetensors README.
 */
export function fileKind(bytes: Uint8Array): Kind | null {
  if (begins(bytes, 0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a)) return HDF5
  if (begins(bytes, 0x50, 0x4b, 0x03, 0x04)) return zipKind(bytes)
  if (begins(bytes, 0x1f, 0x8b)) return { what: 'a gzip file' }
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5)
    return { ...PYTORCH, what: 'a pickle of Python, as PyTorch writes it' }
  if (begins(bytes, 0x08, 0x01, 0x12)) return SAVED_MODEL
  if (bytes[0] === 0x08 && bytes[1]! >= 3 && bytes[1]! <= 20 && [0x12, 0x1a, 0x3a, 0x42].includes(bytes[2]!))
    return ONNX
  if (bytes[8] === 0x7b && bytes[9] === 0x22 && bytes.subarray(3, 8).every(byte => byte === 0)) return SAFETENSORS
  return null
}

/** By the name of its first entry. */
function zipKind(bytes: Uint8Array): Kind {
  const length = (bytes[26] ?? 0) + 256 * (bytes[27] ?? 0)
  const name = new TextDecoder().decode(bytes.subarray(30, 30 + length))
  if (/(^|\/)(data\.pkl|\.format_version|byteorder|\.data\/)/.test(name)) return PYTORCH
  if (/^(metadata|config)\.json$|\.weights\.h5$/.test(name)) return KERAS
  return { what: 'a zip archive' }
}

function begins(bytes: Uint8Array, ...wanted: readonly number[]): boolean {
  return wanted.every((byte, i) => bytes[i] === byte)
}
