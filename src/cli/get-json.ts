import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'

export interface JsonAnswer {
  readonly status: number
  /** Undefined where it is no JSON. */
  readonly body: unknown
}

/** As `fetch`, which takes no certificates of an authority. */
export async function getJson(
  url: URL,
  options: Pick<RequestOptions, 'headers' | 'ca' | 'signal'>,
): Promise<JsonAnswer> {
  const get = url.protocol === 'https:' ? getHttps : getHttp
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, options, resolve).once('error', reject)
  })
  return { status: response.statusCode ?? 0, body: parsed(await text(response)) }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
