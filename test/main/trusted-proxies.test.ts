import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustedProxies } from '../../src/main/trusted-proxies.ts'

test('proxies are addresses, networks and names of networks; anything else is input_invalid', () => {
  const trust = trustedProxies(['loopback', '10.0.0.0/8', '192.0.2.7', 'fd00::/8'])
  for (const address of ['127.0.0.1', '::1', '10.9.8.7', '192.0.2.7', 'fd00::1']) assert.ok(trust(address, 0), address)
  for (const address of ['192.0.2.8', '11.0.0.1', '2001:db8::1']) assert.ok(!trust(address, 0), address)
  for (const word of ['proxy.example', '10.0.0.0/99', 'everyone', '300.1.1.1'])
    assert.throws(() => trustedProxies([word]), {
      code: 'input_invalid',
      message: new RegExp(word.replaceAll('.', '\\.')),
    })
})
