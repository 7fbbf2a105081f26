/** How often each address may do something: as many times at once as in a minute, then evenly spread. */
export interface RateLimit {
  /** Milliseconds until `address` may do it again; 0: now. */
  waitOf(address: string): number
  /** It did it. */
  take(address: string): void
}

interface Bucket {
  /** What is left, as of `at`. */
  readonly left: number
  readonly at: number
}

/** Of the addresses beyond it, the one that was heard last the longest ago is forgotten: memory stays bounded. */
const MAX_ADDRESSES = 10_000

/** A token bucket for each address (IPv6: for each /64, which is what one machine is given). `now`: monotonic, ms. */
export function rateLimit(perMinute: number, now: () => number): RateLimit {
  const buckets = new Map<string, Bucket>()
  const leftOf = (key: string) => {
    const { left, at } = buckets.get(key) ?? { left: perMinute, at: now() }
    return Math.min(perMinute, left + ((now() - at) * perMinute) / 60_000)
  }
  return {
    waitOf(address) {
      const missing = 1 - leftOf(networkOf(address))
      return missing <= 0 ? 0 : (missing * 60_000) / perMinute
    },
    take(address) {
      const key = networkOf(address)
      const left = Math.max(0, leftOf(key) - 1)
      buckets.delete(key) // so that the map is in the order of the last use
      buckets.set(key, { left, at: now() })
      if (buckets.size > MAX_ADDRESSES) buckets.delete(buckets.keys().next().value!)
    },
  }
}

/** An IPv4 address itself, also where it is written as IPv6; the first four groups of an IPv6 address. */
export function networkOf(address: string): string {
  const v4 = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  if (!address.includes(':')) return address
  const [left = [], right] = address.split('::').map(half => half.split(':').filter(group => group !== ''))
  const zeros = right === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...(right ?? [])]
  return `${groups.slice(0, 4).join(':')}::/64`
}
