import { once } from 'node:events'
import { createServer } from 'node:net'
import { isLoopback } from '../loopback.ts'
import { type Finding, failure, type HealthCheck } from './check.ts'

/** Whether a coordinator could listen, and would be allowed to. */
export const port: HealthCheck = {
  name: 'port',
  async examine({ host, port: number, token }) {
    const problem = await tryPort(host, number)
    if (problem) return problem
    const found = `${host}:${number} is free`
    if (isLoopback(host) || token !== undefined) return { status: 'ok', found }
    const advice = 'Set FEDSTRATA_TOKEN to a long random string, or listen on 127.0.0.1'
    return { status: 'failed', found: `${found}, but off loopback a token is required`, advice }
  },
}

async function tryPort(host: string, number: number): Promise<Finding | null> {
  const server = createServer()
  try {
    server.listen(number, host)
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return null
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      return failure(thrown, 'Choose another --host or --port')
    const advice = 'If that is not a coordinator of yours, choose another --port'
    return { status: 'warning', found: `something listens on ${host}:${number}`, advice }
  }
}
