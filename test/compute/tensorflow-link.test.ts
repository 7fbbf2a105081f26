import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { LINKS, link } from '../../src/compute/tensorflow-link/link.ts'
import type { Machine } from '../../src/compute/tensorflow-link/machine.ts'
import { findPieces } from '../../src/compute/tensorflow-link/pieces.ts'
import { FedError } from '../../src/core/errors.ts'

const ADDON = '/app/node_modules/@tensorflow/tfjs-node'
const WHEEL = '/python/site-packages/tensorflow'
const FILES = [
  `${WHEEL}/libtensorflow_cc.so.2`,
  `${WHEEL}/libtensorflow_framework.so.2`,
  `${WHEEL}/include/tensorflow/c/c_api.h`,
  '/opt/node/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js',
  '/opt/node/include/node/node_api.h',
]

interface Fake extends Partial<Machine> {
  readonly without?: string
  readonly version?: string
}

/** A machine that has every piece, but for what is changed. */
function machine({ without, version = '4.22.0', ...changes }: Fake = {}): Machine {
  return {
    platform: 'linux',
    node: '/opt/node/bin/node',
    env: {},
    exists: path => FILES.includes(path) && path !== without,
    read: () => JSON.stringify({ version }),
    packageFolder: name => (name === '@tensorflow/tfjs-node' ? ADDON : null),
    run: () => ({ code: 0, output: `a warning\n${WHEEL}\n` }),
    ...changes,
  }
}

const refuses = (change: Fake, says: RegExp) =>
  assert.throws(
    () => findPieces(machine(change)),
    error => error instanceof FedError && error.code === 'engine_unavailable' && says.test(error.message),
  )

describe('npm run tensorflow:link', () => {
  test('finds every piece', () => {
    assert.deepEqual(findPieces(machine()), {
      addon: ADDON,
      tensorflow: WHEEL,
      nodeGyp: FILES[3],
      nodePrefix: '/opt/node',
    })
  })

  test('prefers the GPU package, and takes the python and the headers that are named', () => {
    const asked: string[] = []
    const found = findPieces(
      machine({
        env: { PYTHON: '/venv/python', npm_config_nodedir: '/headers', npm_execpath: '/npm/bin/npm-cli.js' },
        packageFolder: name => `/m/${name}`,
        exists: path => FILES.slice(0, 3).includes(path) || /^\/(headers|npm)\//.test(path),
        run: command => {
          asked.push(command)
          return { code: 0, output: WHEEL }
        },
      }),
    )
    assert.deepEqual(asked, ['/venv/python'])
    assert.equal(found.addon, '/m/@tensorflow/tfjs-node-gpu')
    assert.equal(found.nodePrefix, '/headers')
    assert.equal(found.nodeGyp, '/npm/node_modules/node-gyp/bin/node-gyp.js')
  })

  test('says of each missing piece which it is and how to get it', () => {
    refuses({ platform: 'darwin' }, /expected Linux.*got darwin.*npm install @tensorflow\/tfjs-node/)
    refuses(
      { packageFolder: () => null },
      /got neither installed.*npm install .*--ignore-scripts @tensorflow\/tfjs-node@4/,
    )
    refuses({ version: '4.20.0' }, /expected @tensorflow\/tfjs-node 4\.22\.0.*got 4\.20\.0/)
    refuses({ run: () => ({ code: null, output: '' }) }, /expected Python as python3, got no such program.*PYTHON=/)
    refuses({ run: () => ({ code: 0, output: '\n' }) }, /package tensorflow in python3, got not installed.*pip install/)
    refuses({ run: () => ({ code: 1, output: 'boom' }) }, /package tensorflow in python3, got boom/)
    for (const file of FILES.slice(0, 3)) refuses({ without: file }, new RegExp(`${file.slice(WHEEL.length + 1)} in`))
    refuses({ without: FILES[3]! }, /expected node-gyp.*npm run tensorflow:link/)
    refuses({ without: FILES[4]! }, /expected Node’s headers.*npm_config_nodedir/)
  })

  test('links the library under every name that is asked for, builds, and passes on what the compiler says', () => {
    const addon = mkdtempSync(join(tmpdir(), 'fedstrata-link-'))
    const pieces = { addon, tensorflow: WHEEL, nodeGyp: '/gyp.js', nodePrefix: '/opt/node' }
    mkdirSync(join(addon, 'deps'))
    writeFileSync(join(addon, 'deps', 'old'), '')
    try {
      const calls: (readonly string[])[] = []
      const run: Machine['run'] = (command, words) => {
        calls.push([command, ...words])
        return { code: 0, output: '' }
      }
      link(pieces, machine({ run }))
      assert.deepEqual(calls[0]?.slice(0, 5), [
        '/opt/node/bin/node',
        '/gyp.js',
        'rebuild',
        `--directory=${addon}`,
        '--nodedir=/opt/node',
      ])
      assert.ok(calls[0]?.includes(`--module_path=${addon}/lib/napi-v8`))
      for (const [name, file] of Object.entries(LINKS))
        assert.equal(readlinkSync(join(addon, 'deps/lib', name)), join(WHEEL, file))
      assert.throws(() => lstatSync(join(addon, 'deps', 'old')))
      assert.throws(
        () => link(pieces, machine({ run: () => ({ code: 1, output: 'g++: not found' }) })),
        error => error instanceof FedError && /exit code 1:\ng\+\+: not found\n.*build-essential/.test(error.message),
      )
    } finally {
      rmSync(addon, { recursive: true })
    }
  })
})
