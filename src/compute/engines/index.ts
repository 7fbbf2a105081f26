import type { EngineSetup } from '../engine.ts'
import { cpu } from './cpu.ts'
import { tensorflow } from './tensorflow.ts'
import { wasm } from './wasm.ts'
import { webgpu } from './webgpu.ts'

/** Every engine that works, in the order of `auto`. To add one: its file, its line here. */
export const engineSetups: readonly EngineSetup[] = [tensorflow, webgpu, wasm, cpu]
