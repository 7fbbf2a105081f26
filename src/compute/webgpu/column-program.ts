import type * as tf from '@tensorflow/tfjs-core'
import type { GuardedBackend, Program, Uniform } from './guarded-backend.ts'

/**
 * A WGSL program over a stack float32[K, P] that gives each column one value from that column alone. Neighbouring columns
 * are taken four at a time, as a vec4, where P and the program allow it.
 */
export interface ColumnProgram {
  /** Names the code: equal keys, equal code. What varies beside it goes into `tables` and `values`. */
  readonly key: string
  /** Columns that one thread may take at once: borders between them lie at multiples of it. */
  readonly width: 1 | 4
  /** More inputs, arrays of f32 or i32 under these names. */
  readonly tables: Readonly<Record<string, Float32Array | Int32Array>>
  /**
   * Statements that end with `let value: T = …`, where T is f32 or vec4<f32>. They may read `at(row) -> T`, `rows`, and
   * `column`, the first of the thread's columns.
   */
  readonly code: string
}

const THREADS = 256

/** A stack that has to be sent in parts is sent in parts of this many bytes at most: it exists twice meanwhile. */
const PART_BYTES = 2 ** 28

/**
 * Runs the program: float32[K, P] to float32[P]. A stack that is too large for the device, and therefore still in
 * JavaScript, is sent and computed in ranges of columns; `engine_limit` is thrown only when not even the result fits.
 */
export function runColumnProgram(backend: GuardedBackend, stack: tf.TensorInfo, program: ColumnProgram): tf.TensorInfo {
  const [rows, columns] = stack.shape as [number, number]
  const width = columns % program.width === 0 ? program.width : 1
  const output = backend.makeTensorInfo([columns], 'float32')
  const tables = Object.values(program.tables).map(values =>
    backend.makeTensorInfo([values.length], values instanceof Float32Array ? 'float32' : 'int32', values),
  )
  try {
    const run = (part: tf.TensorInfo, start: number) =>
      backend.runWebGPUProgram(
        compiled(program, part, width),
        [part, ...tables],
        'float32',
        [ints(rows), ints(part.shape[1]! / width), ints(start / width)],
        output,
      )
    const { values } = backend.tensorMap.get(stack.dataId)
    if (4 * rows * columns <= backend.room.bytes || !values) run(stack, 0)
    else
      for (const [start, part] of partsOf(backend, values, rows, columns)) {
        run(part, start)
        backend.disposeData(part.dataId)
        submit(backend)
      }
    return output
  } catch (error) {
    backend.disposeData(output.dataId)
    throw error
  } finally {
    for (const table of tables) backend.disposeData(table.dataId)
  }
}

/** Sends the device what was recorded, now, so that the memory of parts that are done with can be used again. */
function submit(backend: GuardedBackend): void {
  backend.ensureCommandEncoderReady()
  backend.endComputePassEncoder()
  backend.submitQueue()
}

/** Ranges of columns as stacks of their own, each with its first column. */
function* partsOf(
  backend: GuardedBackend,
  values: Float32Array,
  rows: number,
  columns: number,
): Generator<readonly [number, tf.TensorInfo]> {
  const most = Math.floor(Math.min(backend.room.bytes, PART_BYTES) / (4 * rows))
  const step = Math.max(4, most - (most % 4))
  for (let start = 0; start < columns; start += step) {
    const length = Math.min(step, columns - start)
    const part = new Float32Array(rows * length)
    for (let row = 0; row < rows; row++) {
      const first = row * columns + start
      part.set(values.subarray(first, first + length), row * length)
    }
    yield [start, backend.makeTensorInfo([rows, length], 'float32', part)]
  }
}

function compiled({ key, code, tables }: ColumnProgram, part: tf.TensorInfo, width: 1 | 4): Program {
  const type = width === 4 ? 'vec4<f32>' : 'f32'
  return {
    shaderKey: `fedstrata ${key} ${width}`,
    outputShape: [part.shape[1]!],
    outputComponent: width,
    variableNames: ['stack', ...Object.keys(tables)],
    variableComponents: [width, ...Object.keys(tables).map(() => 1)],
    uniforms: 'rows : i32, count : i32, start : i32,',
    workgroupSize: [THREADS, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [Math.ceil(part.shape[1]! / width / THREADS), 1, 1],
    getUserCode: () => `
      alias T = ${type};
      var<private> place : i32;
      fn at(row : i32) -> T { return stack[row * uniforms.count + place]; }
      fn main(index : i32) {
        if (index >= uniforms.count) { return; }
        place = index;
        let rows = uniforms.rows;
        let column = (uniforms.start + index) * ${width};
        ${code}
        result[uniforms.start + index] = value;
      }
    `,
  }
}

function ints(...data: number[]): Uniform {
  return { type: 'int32', data }
}
