import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('the generated clients and the migrations belong to prisma/models.prisma', () => {
  const tool = fileURLToPath(new URL('../../../prisma/tool.mjs', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [tool, 'check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})
