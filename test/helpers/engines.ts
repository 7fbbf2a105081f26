import { type EngineName, prepareEngine } from '../../src/compute/choose.ts'
import { engineSetups } from '../../src/compute/engines/index.ts'
import { withoutSoftwareAdapter } from './software-adapter.ts'

export interface EngineHere {
  readonly name: EngineName
  /** Why its tests cannot run here, or false. */
  readonly skip: string | false
}

/**
 * Every engine, and which of them this machine lacks. To be awaited before the first suite: suites start while a module is still
 * awaiting, and a thread has one engine at a time. wasm and cpu are dependencies: their tests fail, they are never skipped.
 */
export async function everyEngine(): Promise<readonly EngineHere[]> {
  const skips: Partial<Record<EngineName, string | false>> = {
    tensorflow: 'not installed here',
    webgpu: withoutSoftwareAdapter(),
  }
  const here: EngineHere[] = []
  for (const { name } of engineSetups) {
    const missing = await prepareEngine(name).then(
      () => false,
      () => true,
    )
    here.push({ name, skip: missing && (skips[name] ?? false) })
  }
  return here
}
