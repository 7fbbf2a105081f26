/** The little of WebAssembly that is used: TypeScript knows it only together with the browser's own types. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
  /** Sizes in pages of 64 KiB. */
  readonly Memory: new (size: {
    readonly initial: number
    readonly maximum: number
  }) => LinearMemory
}

export interface LinearMemory {
  readonly buffer: ArrayBuffer
  /** By that many pages; throws where there is no room. Views of the buffer from before are empty afterwards. */
  grow(pages: number): number
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }
