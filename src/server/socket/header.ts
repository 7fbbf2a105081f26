import { FedError } from '../../core/errors.ts'
import type { LayerLayout } from '../../core/layout.ts'
import type { UpdateKey } from '../../rounds/ports.ts'

export function keyOf({ round, attempt, client }: UpdateKey): UpdateKey {
  return { round, attempt, client }
}

/** A socket belongs to one run; a header that names another is a mix-up. */
export function requireRun(header: { readonly run: string }, run: string): void {
  if (header.run !== run) throw new FedError('message_invalid', { expected: `run ${run}`, received: header.run })
}

/** Before the schema, which would look at each of a hostile header's hundred thousand segments. */
export function requireSegmentCount(header: unknown, layout: LayerLayout, extras: readonly unknown[]): void {
  const segments = (header as { readonly segments?: unknown } | null | undefined)?.segments
  // Each block once, with the memory that an optimizer has of it, and what is asked for besides.
  const max = layout.blocks.length * 5 + extras.length
  if (Array.isArray(segments) && segments.length > max)
    throw new FedError('message_invalid', { expected: `at most ${max} segments`, received: String(segments.length) })
}
