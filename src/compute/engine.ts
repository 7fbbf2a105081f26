import type { FedError } from '../core/errors.ts'

/** A TF.js backend that is set up, current, and has passed the self-test. Plain data: it may cross a thread. */
export interface Engine {
  readonly name: EngineName
  /** Of the library that computes. */
  readonly version: string
  readonly device: Device
  /** Why this engine runs, for the log and the record of a run. */
  readonly reason: string
}

export type EngineName = 'tensorflow' | 'webgpu' | 'wasm' | 'cpu'

export interface Device {
  readonly kind: 'cpu' | 'gpu'
  readonly description: string
}

/** How an engine is brought up. One file each in engines/. */
export interface EngineSetup {
  readonly name: EngineName
  /** One sentence for people. */
  readonly summary: string
  /**
   * Loads the library, makes its TF.js backend known under `name`, and installs the kernels it needs. Throws
   * `engine_unavailable` with what to do about it. Does not choose it: that is `prepareEngine`'s. `byName`: the user named
   * this engine, and takes it even where it would not be chosen.
   */
  load(byName: boolean): Promise<void>
  /** Called once the backend is current. `note` goes into the engine's reason. */
  describe(): Pick<Engine, 'version' | 'device'> & { readonly note?: string | null }
  /** Of engines that compute the same in several ways, with other bits: which one it is; null for the usual one. */
  variant?(): string | null
  /** What may help where it computes something wrongly. */
  remedy?(): string | undefined
  /** Why the engine has to be brought up again before anything else is computed; null while it is sound. */
  fault?(): FedError | null
}
