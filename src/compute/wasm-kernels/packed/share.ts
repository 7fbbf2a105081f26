import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../heap.ts'
import type { WasmKernel } from '../kernel.ts'
import { asShipped } from '../pack.ts'

interface Call {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: { readonly dtype?: TensorInfo['dtype'] }
  readonly backend: WasmBackend
}

/**
 * Another name for the same values. The shipped kernel copies them; but TF.js counts references and never writes into a
 * tensor, so it can share them as Reshape does. The gradient tape makes one of these for almost everything it saves.
 */
export const identity: WasmKernel = {
  name: 'Identity',
  run: (call: Call, shipped) =>
    call.inputs.x.dtype === 'string' ? asShipped('Identity').run(call as never, shipped) : shared(call),
}

/** To the type that it has: the same. */
export const cast: WasmKernel = {
  name: 'Cast',
  run: (call: Call, shipped) =>
    call.inputs.x.dtype === call.attrs.dtype && call.attrs.dtype !== 'string'
      ? shared(call)
      : asShipped('Cast').run(call as never, shipped),
}

function shared({ inputs: { x }, backend }: Call): TensorInfo {
  backend.incRef(x.dataId)
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype }
}
