// Runs every test, or those whose path contains one of the arguments, with Node's own runner. The readable report and the
// plain totals ("# tests N") come out the same on every Node version.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'dist', 'test')
const wanted = process.argv.slice(2)

// From the sources, so that a compiled test whose source is gone does not run.
const found = readdirSync(here, { recursive: true })
  .map(file => String(file))
  .filter(file => file.endsWith('.test.ts'))
  .filter(file => wanted.length === 0 || wanted.some(part => `test/${file}`.includes(part)))
  .map(file => relative(process.cwd(), join(dist, file.replace(/\.ts$/, '.js'))))
  .sort()
// Without a file to run, Node's runner would look for tests by itself and run them all.
if (found.length === 0) {
  process.stderr.write(`No test file has ${wanted.join(' or ')} in its path.\n`)
  process.exit(2)
}

// Each of these is a coordinator and a few sockets for a moment: starting a process for each would be most of the work.
const TOGETHER = /\btest\/faults\//
const together = found.filter(file => TOGETHER.test(file))
const files = [
  ...found.filter(file => !TOGETHER.test(file)),
  ...(together.length > 0 ? [relative(process.cwd(), join(here, 'together.mjs'))] : []),
]

const totals = new URL('totals.mjs', import.meta.url).href
const reporters = ['spec', totals].flatMap(name => [`--test-reporter=${name}`, '--test-reporter-destination=stdout'])
const { status } = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    ...['--test', '--test-timeout=900000'],
    // Node's own choice is one file fewer than there are cores: on two cores, half of the machine would look on.
    `--test-concurrency=${availableParallelism()}`,
    ...[...reporters, ...files],
  ],
  {
    stdio: 'inherit',
    // `--test` inside a test process would nest the runner.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TESTS_TOGETHER: together.join('\n') },
  },
)
process.exit(status ?? 1)
