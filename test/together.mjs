// Registers the tests of several files in one process; test/run.mjs says which.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

for (const file of (process.env['TESTS_TOGETHER'] ?? '').split('\n')) await import(pathToFileURL(resolve(file)).href)
