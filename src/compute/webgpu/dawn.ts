/**
 * The part of WebGPU, and of the npm packages that bring it to Node, that is used here. Declared in full, because both
 * packages are optional: the project builds without them.
 */
export interface GpuAdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  /** True for an adapter that computes on the processor. */
  readonly isFallbackAdapter?: boolean
}

export interface GpuLimits {
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxComputeWorkgroupsPerDimension: number
  readonly maxComputeWorkgroupSizeX: number
  readonly maxComputeInvocationsPerWorkgroup: number
}

export interface GpuDevice {
  readonly limits: GpuLimits
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>
  readonly queue: { onSubmittedWorkDone(): Promise<void> }
  addEventListener(type: 'uncapturederror', listener: (event: GpuErrorEvent) => void): void
  destroy(): void
}

export interface GpuErrorEvent {
  readonly error: { readonly message: string }
  preventDefault(): void
}

export interface GpuAdapter {
  readonly info: GpuAdapterInfo
  readonly limits: GpuLimits
  readonly features: ReadonlySet<string>
  requestDevice(descriptor: { requiredFeatures: string[]; requiredLimits: Record<string, number> }): Promise<GpuDevice>
}

export interface Gpu {
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<GpuAdapter | null>
}

/** The npm package `webgpu`: Dawn, the WebGPU of Chromium. */
export interface Dawn {
  create(flags: readonly string[]): Gpu
  readonly globals: object
}
