// Runs every test, or those whose path contains one of the arguments, with Node's own runner. The readable report and the
// plain totals ("# tests N") come out the same on every Node version.
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from 'node:test'
import { spec as Spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
// Tests start the programs that users start, as the sources are now, also after tsc alone.
import '../src/main/bundle.mjs'
import totals from './totals.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'dist', 'test')
const wanted = process.argv.slice(2)

// From the sources, so that a compiled test whose source is gone does not run.
const found = readdirSync(here, { recursive: true })
  .map(file => String(file))
  .filter(file => file.endsWith('.test.ts'))
  .filter(file => wanted.length === 0 || wanted.some(part => `test/${file}`.includes(part)))
  .map(file => join(dist, file.replace(/\.ts$/, '.js')))
  .sort()
// Without a file to run, Node's runner would look for tests by itself and run them all.
if (found.length === 0) {
  process.stderr.write(`No test file has ${wanted.join(' or ')} in its path.\n`)
  process.exit(2)
}

// Each of these is a coordinator and a few sockets for a moment: starting a process for each would be most of the work.
const TOGETHER = /\btest\/faults\//
const together = found.filter(file => TOGETHER.test(file))
process.env.TESTS_TOGETHER = together.join('\n')
// The longest first, so that no core waits for it at the end.
const files = [
  ...(together.length > 0 ? [join(here, 'together.mjs')] : []),
  ...found.filter(file => !TOGETHER.test(file)),
]

// `run` starts each file with the flags of this process. `--test` inside a test process would nest the runner.
process.execArgv.push('--enable-source-maps')
delete process.env.NODE_TEST_CONTEXT

// Node's own choice is one file fewer at a time than there are cores: on two, half of the machine would look on.
const events = run({ files, concurrency: availableParallelism(), timeout: 900_000 })
events.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1
})
events.compose(new Spec()).pipe(process.stdout)
events.compose(totals).pipe(process.stdout)
