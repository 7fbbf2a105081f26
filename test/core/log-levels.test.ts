import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogLevels } from '../../src/core/log-levels.ts'

test('a level for everything, levels for modules, or both', () => {
  assert.deepEqual(parseLogLevels('info'), { level: 'info', of: {} })
  assert.deepEqual(parseLogLevels('info,rounds=debug, socket=warn'), {
    level: 'info',
    of: { rounds: 'debug', socket: 'warn' },
  })
  assert.deepEqual(parseLogLevels('rest=silent'), { level: undefined, of: { rest: 'silent' } })
})

test('anything else is explained', () => {
  for (const [text, what] of [
    ['loud', /expected a level \(fatal, .*silent\).*got "loud"/],
    ['', /got ""/],
    ['info,', /got ""/],
    ['rounds=loud', /got "rounds=loud"/],
    ['rounds=info=debug', /got "rounds=info=debug"/],
    ['runds=info', /expected one of the modules rest, socket, rounds, probes, client; got "runds"/],
    ['__proto__=info', /expected one of the modules/],
    ['info,debug', /expected one level for everything; got info and debug/],
  ] as const) {
    const found = parseLogLevels(text)
    assert.match(typeof found === 'string' ? found : 'accepted', what, text)
  }
})
