import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { projectRoot } from '../../src/main/version.ts'
import { pages } from './pages.ts'

const read = (file: string) => readFileSync(new URL(file, projectRoot), 'utf8')

describe('the documents', () => {
  for (const [file, page] of Object.entries(pages))
    test(`${file} is what the code says`, () => assert.ok(read(file) === page(), 'npm run docs writes it anew'))

  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(new URL('docs/', projectRoot)).map(name => `docs/${name}`),
  ].filter(name => name.endsWith('.md'))

  for (const document of documents)
    test(`${document}: every link leads somewhere`, () => {
      const base = new URL(document, projectRoot)
      const links = [...read(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(match => match[1]!)
      const dead = links.filter(link => !/^[a-z]+:/.test(link) && !existsSync(new URL(link, base)))
      assert.deepEqual(dead, [])
    })

  test('every path that a document names in backticks is there', () => {
    const dead = documents.flatMap(document =>
      [...read(document).matchAll(/`((?:src|test|docs|examples|prisma)\/[\w./-]*\w|clients\/[\w/-]+\.ts)`/g)]
        .map(match => match[1]!)
        .filter(path => !existsSync(new URL(path, projectRoot)))
        .map(path => `${document}: ${path}`),
    )
    assert.deepEqual(dead, [])
  })

  test('docs/architecture.md names every room of the house', () => {
    const text = read('docs/architecture.md')
    for (const room of [
      'core',
      'compute',
      'data',
      'models',
      'training',
      'strategies',
      'analysis',
      'privacy',
      'protocol',
      'rounds',
      'store',
      'server/http',
      'server/socket',
      'main',
      'cli',
    ])
      assert.ok(text.includes(`src/${room}`), room)
  })
})
