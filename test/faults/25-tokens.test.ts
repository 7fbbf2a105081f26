import assert from 'node:assert/strict'
import { connectRaw, heard } from '../socket/harness.ts'
import { fault, stage } from './stage.ts'

fault(
  'a missing or wrong token, that of another run, and one from before a resume are refused at the door, and tell nothing',
  async t => {
    const { run, resume, url, coordinator } = await stage(t)
    const [mine, other] = [await run(), await run()]
    await coordinator.runs.stop(other.id)
    const resumed = await resume(other.id)
    const refused: [auth: object, code: string][] = [
      [{ token: undefined }, 'token_missing'],
      [{ token: '' }, 'token_missing'],
      [{ token: 'x' }, 'token_invalid'],
      [{ token: `${mine.joinToken}x` }, 'token_invalid'],
      [{ token: resumed.joinToken }, 'token_invalid'],
      [{ run: other.id, token: other.joinToken }, 'token_invalid'],
      [{ run: 'no-such-run', token: mine.joinToken }, 'run_not_active'],
    ]
    for (const [auth, code] of refused) {
      const socket = connectRaw(url, { run: mine.id, token: mine.joinToken, process: 'p', ...auth })
      const [error] = await heard(socket, 'connect_error')
      assert.equal(error.data.code, code)
      const text = JSON.stringify(error.data)
      for (const secret of [mine.joinToken, resumed.joinToken, 'layout', 'synthetic']) assert.ok(!text.includes(secret))
    }
    assert.deepEqual(mine.notices, [])
    const player = await mine.join('p')
    await player.task(0)
  },
)
