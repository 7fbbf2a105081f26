import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf, rateLimit } from '../../src/core/rate-limit.ts'

test('an address does a minute’s worth at once, then one each time its share of a minute has passed', () => {
  let now = 0
  const limit = rateLimit(6, () => now)
  for (let i = 0; i < 6; i++) {
    assert.equal(limit.waitOf('10.0.0.1'), 0)
    limit.take('10.0.0.1')
  }
  assert.equal(limit.waitOf('10.0.0.1'), 10_000)
  assert.equal(limit.waitOf('10.0.0.2'), 0)
  now = 9000
  assert.equal(Math.round(limit.waitOf('10.0.0.1')), 1000)
  now = 10_000
  assert.equal(limit.waitOf('10.0.0.1'), 0)
  limit.take('10.0.0.1')
  assert.equal(limit.waitOf('10.0.0.1'), 10_000)
  now = 1e9 // an hour of rest saves up no more than a minute's worth
  for (let i = 0; i < 6; i++) limit.take('10.0.0.1')
  assert.equal(limit.waitOf('10.0.0.1'), 10_000)
})

test('of ten thousand addresses the one that was heard last the longest ago is forgotten', () => {
  const limit = rateLimit(1, () => 0)
  for (const address of ['first', 'second', 'first']) limit.take(address)
  for (let i = 0; i < 9999; i++) limit.take(`address ${i}`)
  assert.equal(limit.waitOf('second'), 0)
  assert.equal(limit.waitOf('first'), 60_000)
})

test('IPv6 addresses count by their /64, IPv4 ones by themselves however they are written', () => {
  const networks = {
    '192.0.2.7': '192.0.2.7',
    '::ffff:192.0.2.7': '192.0.2.7',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8:1:2::9': '2001:db8:1:2::/64',
    '2001:db8::9': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
  }
  for (const [address, network] of Object.entries(networks)) assert.equal(networkOf(address), network)
})
