import { cpus, loadavg } from 'node:os'
import { benches } from './benches.ts'

/**
 * `npm run bench` runs all, `npm run bench -- noop rest` those named. Prints the machine and its load before and after:
 * a figure without them says little. Nothing here passes or fails.
 */
const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !(name in benches))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}

const load = () =>
  loadavg()
    .map(value => value.toFixed(1))
    .join(' ')
console.log(
  `machine  ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, ${process.platform} ${process.arch}`,
)
for (const [name, { what, run }] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`\n${name}  ${what}`)
  const before = load()
  for (const [label, value] of Object.entries(await run())) console.log(`  ${label.padEnd(44)} ${value}`)
  console.log(`  ${'load before, after'.padEnd(44)} ${before}; ${load()}`)
}
