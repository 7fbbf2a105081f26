import { z } from 'zod'
import { FedError, toFedError } from '../../core/errors.ts'
import { assembler, type BodyOptions } from '../../protocol/assembler.ts'
import { bytesUnderWay, MAX_OPEN_BODIES } from '../../protocol/limits.ts'
import {
  type Ack,
  offerHeaderSchema,
  refusalHeaderSchema,
  type UpdateReply,
  updateHeaderSchema,
} from '../../protocol/messages.ts'
import { parseMessage } from '../../protocol/parse.ts'
import { type Asked, requireBodyBytes, requireReply, valueName, viewSegments } from '../../protocol/segments.ts'
import { requireVariances } from '../../protocol/variances.ts'
import type { UpdateKey } from '../../rounds/ports.ts'
import { keyOf, requireRun, requireSegmentCount } from './header.ts'
import { createOffers } from './offers.ts'
import { type OpenRun, type PeerOptions, refusal } from './run.ts'

/** JSON has no NaN or infinity, they come as null: the count is checked by hand, to be refused under its own code. */
const headerSchema = updateHeaderSchema.extend({ numExamples: z.unknown().optional() })
type Header = z.output<typeof headerSchema>

/** What one process sends up. Every method answers, and none throws. */
export interface Uploads {
  /** Answered when the update may come. */
  offer(header: unknown): Promise<Ack<null>>
  update(header: unknown, chunk: unknown): Promise<Ack<UpdateReply>>
  refuse(header: unknown): Ack<null>
  /** Drops what is under way. */
  close(): void
  readonly openBytes: number
}

/**
 * Receives the updates of one process. An update is refused before anything is buffered when the run does not want it or
 * it is too large; whatever is wrong with one that the run does want is reported, and final for that client and round.
 */
export function createUploads(run: OpenRun, peer: PeerOptions): Uploads {
  const { process, clock, stallMs, log, invitations } = peer
  const { events, ledger, limits, pool } = run
  const { chunkBytes } = limits
  const offers = createOffers(invitations)
  const bodies = assembler<Header>({ chunkBytes, maxOpen: MAX_OPEN_BODIES, stall: { clock, stallMs } })

  /** Throws unless the run wants this update, and from this process. */
  function requireWanted(key: UpdateKey): Asked {
    const refused = events.admit(key)
    if (refused) throw refused
    const asked = ledger.askedOf(process, key)
    if (asked) return asked
    throw new FedError('not_in_cohort', {
      expected: 'an update for a task that this process was given',
      received: `client ${key.client} of round ${key.round}`,
    })
  }

  function admit(header: Header, onWanted: () => void): BodyOptions<Header> {
    const { segments, part, numExamples, metrics } = header
    const asked = requireWanted(keyOf(header))
    onWanted()
    if (header.layout !== run.layout.digest)
      throw new FedError('layout_mismatch', { expected: `layout ${run.layout.digest}`, received: header.layout })
    if (part.total > limits.maxUpdateBytes)
      throw new FedError('message_too_large', {
        expected: `an update of at most ${limits.maxUpdateBytes} bytes`,
        received: `${part.total} bytes`,
      })
    requireExampleCount(numExamples, asked, header)
    // A loss that is not finite is null in JSON too.
    if (metrics.trainLoss === null && !run.secretLoss)
      throw new FedError('message_invalid', { expected: 'metrics.trainLoss, a finite number', received: 'null' })
    requireReply(run.layout, asked, segments)
    requireBodyBytes(segments, part.total)
    return {
      about: header,
      fingerprintOf: JSON.stringify(segments),
      valueName: index => valueName(segments, index),
      allocate: pool.take,
    }
  }

  async function receive(header: Header, chunk: Uint8Array, onWanted: () => void): Promise<Ack<UpdateReply>> {
    const key = keyOf(header)
    const name = `${key.round}/${key.attempt}/${key.client}`
    const body = bodies.add(name, header.part, chunk, () => admit(header, onWanted))
    if (!body) return { ok: true, data: { status: 'more', round: ledger.round } }
    offers.done(key.client)
    // The header of the first part was checked; those of later parts might say anything.
    const { numExamples, metrics, segments } = body.about
    const values = viewSegments(segments, body.values)
    requireVariances(run.layout, values)
    const decision = await events.update(key, {
      client: key.client,
      process,
      numExamples: numExamples as number,
      ...metrics,
      trainLoss: metrics.trainLoss ?? Number.NaN,
      segments: values,
      fingerprint: body.fingerprint(),
      bytes: body.values.byteLength,
      openedAt: body.openedAt,
      release: () => pool.give(body.values),
    })
    if (!decision.ok || decision.duplicate) pool.give(body.values) // nobody took it
    if (!decision.ok) return refusal(decision.error, decision.round, peer)
    return { ok: true, data: { status: decision.duplicate ? 'duplicate' : 'counted', round: decision.round } }
  }

  return {
    async offer(raw) {
      try {
        const header = parseMessage(offerHeaderSchema, raw)
        requireRun(header, run.id)
        const key = keyOf(header)
        requireWanted(key)
        await offers.take(key.client, bytesUnderWay(header.bytes, limits))
        try {
          requireWanted(key) // the round may have closed meanwhile
        } catch (thrown) {
          offers.done(key.client)
          throw thrown
        }
        return { ok: true, data: null }
      } catch (thrown) {
        return refusal(thrown, ledger.round, peer)
      }
    },
    async update(raw, chunk) {
      let key: UpdateKey | null = null
      let wanted = false
      try {
        requireSegmentCount(raw, run.layout, run.extras)
        const header = parseMessage(headerSchema, raw)
        requireRun(header, run.id)
        if (!(chunk instanceof Uint8Array)) throw new FedError('message_invalid', { expected: 'a binary body' })
        key = keyOf(header)
        wanted = header.part.offset > 0 // its first part was admitted
        return await receive(header, chunk, () => {
          wanted = true
        })
      } catch (thrown) {
        const error = toFedError(thrown)
        if (key) offers.done(key.client)
        log.debug({ run: run.id, process, ...key, code: error.code }, 'refused an update')
        // Busy, or dropped for its slowness: it may come again. Anything else spoils the update, if it was wanted.
        if (key && wanted && error.code !== 'rate_limited') events.refused(key, process, error)
        return refusal(thrown, ledger.round, peer)
      }
    },
    refuse(raw) {
      try {
        const header = parseMessage(refusalHeaderSchema, raw)
        requireRun(header, run.id)
        const key = keyOf(header)
        requireWanted(key)
        events.refused(key, process, new FedError(header.code, { received: header.message }))
        return { ok: true, data: null }
      } catch (thrown) {
        return refusal(thrown, ledger.round, peer)
      }
    },
    close() {
      bodies.clear()
      offers.close()
    },
    get openBytes() {
      return bodies.openBytes
    },
  }
}

/** Weights are the coordinator's to know: it dealt the examples. A client that counts itself more often would count for others. */
function requireExampleCount(count: unknown, { numExamples }: Asked, { client }: Header): void {
  if (count === numExamples) return
  throw new FedError('example_count_invalid', {
    expected: `${numExamples}, the training examples of client ${client}`,
    received: typeof count === 'number' ? String(count) : typeof count,
  })
}
