import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { buildProgram } from '../../src/cli/program.ts'
import type { Cli } from '../../src/cli/terminal.ts'
import { ENVIRONMENT_VARIABLES } from '../../src/main/environment.ts'
import { projectRoot } from '../../src/main/version.ts'

/** The program on a terminal of that width, and what it writes. */
function program(columns: number) {
  let text = ''
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, fd: 1 })
  stream.on('data', chunk => {
    text += chunk
  })
  const cli = { stdout: stream, stderr: stream, variables: {}, print: async () => {}, exit: () => {} } as unknown as Cli
  const helpOf = async (words: readonly string[]) => {
    text = ''
    await assert.rejects(buildProgram(cli).parseAsync([...words, '--help'], { from: 'user' }), { exitCode: 0 })
    return text
  }
  return { helpOf, root: buildProgram(cli) }
}

function commandsOf(
  command: Command,
  path: readonly string[] = [],
): readonly (readonly [readonly string[], Command])[] {
  return command.commands
    .filter(sub => sub.name() !== 'help')
    .flatMap(sub => [[[...path, sub.name()], sub] as const, ...commandsOf(sub, [...path, sub.name()])])
}

describe('the help of every command', () => {
  const { root } = program(80)
  const all = commandsOf(root)

  test('ends with two examples of it, whose options it has', async () => {
    assert.ok(all.length >= 20)
    const { helpOf } = program(200)
    for (const [path, command] of all) {
      const lines = (await helpOf(path)).trimEnd().split('\n')
      const examples = lines.slice(-2)
      assert.equal(lines.at(-3), 'Examples:', path.join(' '))
      for (const line of examples) {
        const words = line.match(/^ {2}\$ (?:FEDSTRATA_\w+=… )?fedstrata (.*)$/)?.[1]?.split(' ') ?? []
        assert.deepEqual(words.slice(0, path.length), path, line)
        const target = command.commands.find(sub => sub.name() === words[path.length]) ?? command
        for (const option of words.filter(word => word.startsWith('--')))
          assert.ok(
            target.options.some(({ long }) => long === option),
            `${option} in ${line}`,
          )
      }
    }
  })

  for (const columns of [60, 80])
    test(`is no wider than ${columns} columns and breaks at spaces`, async () => {
      const narrow = program(columns)
      const wide = program(100_000)
      const words = (text: string) => text.split(/\s+/).filter(word => word !== '' && word !== '\\')
      for (const path of [[], ...all.map(([words]) => words)]) {
        const text = await narrow.helpOf(path)
        for (const line of text.split('\n'))
          assert.ok([...line].length <= columns || words(line).length === 1, `${path.join(' ')}: ${line}`)
        assert.deepEqual(words(text), words(await wide.helpOf(path)), path.join(' '))
      }
    })
})

test('help and README name every variable of the environment that is read', async () => {
  const readme = await readFile(new URL('README.md', projectRoot), 'utf8')
  const help = await program(100).helpOf([])
  for (const name of ENVIRONMENT_VARIABLES) {
    assert.ok(readme.includes(`\`${name}\``), `README: ${name}`)
    assert.match(help, new RegExp(`\\b${name}\\b`))
  }
})
