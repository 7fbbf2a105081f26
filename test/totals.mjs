// Prints the totals of a test run as plain lines, "# tests N" and so on, whatever the Node version.
const TOTAL = /^(tests|suites|pass|fail|cancelled|skipped|todo) \d+/

export default async function* totals(source) {
  for await (const event of source)
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && TOTAL.test(event.data.message))
      yield `# ${event.data.message}\n`
}
