import { existsSync } from 'node:fs'
import { FedError } from '../../core/errors.ts'
import type { Dawn, Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, GpuLimits } from './dawn.ts'

/** Where Linux shows a graphics card, also inside containers and Windows' own Linux. */
const CARDS = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg']

/**
 * The adapter that WebGPU holds to be the fastest. Software adapters count only when asked for: they are for tests, and
 * slower than wasm. Throws `engine_unavailable` with the adapters that are there.
 */
export async function chooseAdapter(
  dawn: Dawn,
  gpu: Gpu,
  {
    acceptSoftware,
    missing = whatIsMissing,
  }: { readonly acceptSoftware: boolean; readonly missing?: typeof whatIsMissing },
): Promise<GpuAdapter> {
  const lack = missing(acceptSoftware)
  if (lack) throw unavailable(acceptSoftware, lack)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw unavailable(acceptSoftware, await listAdapters(dawn))
  if (acceptSoftware || !isSoftware(adapter.info)) return adapter
  throw unavailable(
    acceptSoftware,
    `only ${describeAdapter(adapter.info)}`,
    'Name the engine webgpu to use it all the same',
  )
}

/**
 * What keeps Dawn from finding an adapter on Linux, or null. Looked for here, because Dawn complains about it on stderr: on
 * most machines, in every process, and to nobody's use.
 */
export function whatIsMissing(acceptSoftware: boolean): string | null {
  if (process.platform !== 'linux') return null
  if (!acceptSoftware && !CARDS.some(path => existsSync(path))) return 'no graphics card'
  try {
    process.dlopen({ exports: {} }, VULKAN_LOADER)
  } catch (error) {
    // Node loads it, sees that it is no addon, and closes it again; that is the other error.
    if (/cannot open shared object/.test((error as Error).message)) return `no Vulkan loader (${VULKAN_LOADER})`
  }
  return null
}

const VULKAN_LOADER = 'libvulkan.so.1'

function unavailable(acceptSoftware: boolean, received: string, hint = DRIVER_HINT): FedError {
  const expected = acceptSoftware ? 'a WebGPU adapter' : 'a WebGPU adapter of a graphics card'
  return new FedError('engine_unavailable', { expected, received, hint })
}

const DRIVER_HINT = 'It needs the card’s driver with Vulkan (Linux: also the package libvulkan1), Metal or Direct3D 12'

/** True for what computes on the processor, or does not say what it is. */
export function isSoftware({ vendor, architecture, device, description, isFallbackAdapter }: GpuAdapterInfo): boolean {
  const names = [vendor, architecture, device, description].join(' ')
  return isFallbackAdapter === true || vendor === '' || /swiftshader|llvmpipe|lavapipe|software/i.test(names)
}

/** E.g. "nvidia-a100 (nvidia ampere, NVIDIA: 535.104.05)": card, family and driver. */
export function describeAdapter({ vendor, architecture, device, description }: GpuAdapterInfo): string {
  const rest = [`${vendor} ${architecture}`.trim(), description].filter(Boolean)
  return (device || 'adapter without a name') + (rest.length > 0 ? ` (${rest.join(', ')})` : '')
}

/** A device with all that the adapter can do: WebGPU's defaults stop at tensors of 128 MiB. */
export async function openDevice(adapter: GpuAdapter): Promise<GpuDevice> {
  const requiredLimits = Object.fromEntries(LIMITS.map(name => [name, adapter.limits[name]]))
  const requiredFeatures = ['timestamp-query'].filter(feature => adapter.features.has(feature))
  return adapter.requestDevice({ requiredFeatures, requiredLimits })
}

const LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const satisfies readonly (keyof GpuLimits)[]

/** Dawn names the adapters it sees when it is asked for one that does not exist. */
async function listAdapters(dawn: Dawn): Promise<string> {
  const answer = await dawn
    .create(['adapter=none of these'])
    .requestAdapter({ powerPreference: 'high-performance' })
    .then(
      () => '',
      (error: Error) => error.message,
    )
  const names = [...answer.matchAll(/name: '([^']+)'/g)].map(match => match[1])
  return names.length > 0 ? `none that works among ${names.join(', ')}` : 'none'
}
