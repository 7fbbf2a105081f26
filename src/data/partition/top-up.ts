import { integer, type Rng } from '../../core/rng.ts'
import type { Partition } from './partitioner.ts'

/**
 * The rule for a draw that leaves a client short, "the largest gives": while a client has fewer than `minExamples`, it
 * receives one random example of the client that then has most (of the first of them, when several do). Nothing moves
 * when nobody is short, and no giver becomes short, because there are enough examples for all (`requireExamples`).
 */
export function topUp(partition: Partition, minExamples: number, rng: Rng): Partition {
  if (partition.every(part => part.length >= minExamples)) return partition
  const parts = partition.map(part => Array.from(part))
  for (const short of parts)
    while (short.length < minExamples) {
      const largest = parts.reduce((left, right) => (right.length > left.length ? right : left))
      short.push(...largest.splice(integer(rng, largest.length), 1))
    }
  return parts.map(part => Uint32Array.from(part).sort())
}
