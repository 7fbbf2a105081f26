import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fault, QUICK, stage, temporaryDir } from './stage.ts'

const SECRET = 'root:x:0:0'

fault(
  'a run file sent over REST can name files inside the data root only, whatever the detour, and learns nothing of others',
  async t => {
    const dir = await temporaryDir(t)
    const root = join(dir, 'root')
    mkdirSync(join(root, 'here'), { recursive: true })
    writeFileSync(join(dir, 'secret'), SECRET)
    writeFileSync(join(root, 'here', 'model.json'), 'not JSON')
    symlinkSync(dir, join(root, 'link'))
    const post = async (open: Awaited<ReturnType<typeof stage>>, changes: object) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
      const { status, body } = await open.rest('/api/v1/runs', {
        ...init,
        body: JSON.stringify({ ...QUICK, ...changes }),
      })
      return { status, text: JSON.stringify(body), ...(body as { code: string; issues?: { path: string }[] }) }
    }
    const model = (path: string) => ({ model: { name: 'layersModel', path } })
    const closed = await stage(t)
    const open = await stage(t, { dataRoot: root })
    const outside = [
      join(dir, 'secret'),
      '../secret',
      'here/../../secret',
      'link/secret',
      '/etc/passwd',
      '/nowhere/at/all',
      '..',
    ]
    for (const path of outside)
      for (const coordinator of [open, closed])
        for (const changes of [model(path), { data: { name: 'mnist', dir: path } }]) {
          const { status, code, issues, text } = await post(coordinator, changes)
          assert.deepEqual([status, code], [422, 'run_file_invalid'], text)
          assert.match(issues?.[0]?.path ?? '', /^(model\.path|data\.dir)$/)
          assert.ok(!text.includes(SECRET) && !text.includes('no such file'), text)
        }
    // Inside it is looked at, and what is wrong with it is said.
    assert.equal((await post(open, model('here'))).code, 'model_invalid')
    assert.equal((await post(open, { data: { name: 'mnist', dir: 'here' } })).code, 'data_missing')
    assert.equal((await post(closed, model('here'))).code, 'run_file_invalid')
  },
)
