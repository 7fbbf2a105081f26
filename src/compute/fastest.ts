import { createHash, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

/** An engine that could run, and how to find out how fast it is: milliseconds, less is better. */
export interface Candidate {
  readonly name: string
  /** Of its library: another version is measured anew. */
  readonly version: string
  measure(): Promise<number>
}

const verdictSchema = z.object({
  fastest: z.string(),
  ms: z.record(z.string(), z.number().positive()),
})

/**
 * So many times faster another engine has to be than the preferred one. Which of two that are about as fast is measured as the
 * faster is chance, and results depend on the engine.
 */
export const CLEARLY = 1.5

/** Milliseconds by engine, and the name of the one to take. */
export type Verdict = z.output<typeof verdictSchema>

/**
 * The first of `candidates`, in order of preference, or the fastest where that is clearly faster at `work` on this machine;
 * measured once and then remembered in `folder`. The first measurement that
 * is written counts for all: processes that start together and each measure must not choose differently, since results
 * depend on the engine. Without a folder to write to, every process measures for itself.
 */
export async function fastestOf(
  candidates: readonly Candidate[],
  work: string,
  folder = cacheFolder(),
): Promise<Verdict> {
  const file = join(folder, `fastest-${machineKey(candidates, work)}.json`)
  const known = readVerdict(file, candidates)
  if (known) return known
  const ms: Record<string, number> = {}
  for (const { name, measure } of candidates) ms[name] = await measure()
  const verdict = { fastest: chosen(candidates, ms), ms }
  return writeOnce(file, folder, verdict) ? verdict : (readVerdict(file, candidates) ?? verdict)
}

function chosen([preferred]: readonly Candidate[], ms: Readonly<Record<string, number>>): string {
  const [fastest] = Object.entries(ms).sort(([, left], [, right]) => left - right)
  return fastest![1] * CLEARLY <= ms[preferred!.name]! ? fastest![0] : preferred!.name
}

/** "measured: wasm 1.2 ms, tensorflow 2.3 ms a step", for an engine's reason. */
export function describeVerdict({ ms }: Verdict): string {
  const ordered = Object.entries(ms).sort(([, left], [, right]) => left - right)
  return `measured: ${ordered.map(([name, value]) => `${name} ${value.toPrecision(2)} ms`).join(', ')} a step`
}

/** The work, engines with their versions, Node, processor and cores: what a measurement depends on. */
export function machineKey(candidates: readonly Pick<Candidate, 'name' | 'version'>[], work: string): string {
  const engines = candidates.map(({ name, version }) => `${name} ${version}`).sort()
  const machine = [process.version, process.arch, cpus()[0]?.model.trim(), availableParallelism()]
  return createHash('sha256')
    .update([work, ...engines, ...machine].join('\n'))
    .digest('hex')
    .slice(0, 16)
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fedstrata')
}

function readVerdict(file: string, candidates: readonly Candidate[]): Verdict | null {
  try {
    const verdict = verdictSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    // What was measured counts, whatever was made of it then.
    const { ms } = verdict
    return candidates.every(({ name }) => ms[name] !== undefined) ? { ms, fastest: chosen(candidates, ms) } : null
  } catch {
    return null // not there yet, or not ours
  }
}

/** Whole or not at all, and never over what another process wrote; false when it was there, or cannot be written. */
function writeOnce(file: string, folder: string, verdict: Verdict): boolean {
  const temporary = `${file}.${randomUUID()}`
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(temporary, JSON.stringify(verdict))
    try {
      linkSync(temporary, file) // unlike a rename, this fails when the file is there
    } finally {
      rmSync(temporary)
    }
    return true
  } catch {
    return false
  }
}
