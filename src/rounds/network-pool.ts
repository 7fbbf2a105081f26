import type { Network } from '../models/network.ts'

export interface NetworkPool {
  /** For what needs no parameters in it. */
  readonly first: Network
  /** Hands out a network that nobody else has in hand for as long as `use` takes; builds another one if there is none. */
  lend<T>(use: (network: Network) => Promise<T>): Promise<T>
  dispose(): void
}

/**
 * An evaluation leaves its parameters in the network and pauses between batches; whoever computes in such a pause must
 * not find, or change, them. One network nearly always, two when an evaluation begins in the pause of another.
 */
export async function networkPool(build: () => Promise<Network>): Promise<NetworkPool> {
  const first = await build()
  const all = [first]
  const idle = [first]
  const another = async () => {
    const network = await build()
    all.push(network)
    return network
  }
  return {
    first,
    async lend(use) {
      const network = idle.pop() ?? (await another())
      try {
        return await use(network)
      } finally {
        idle.push(network)
      }
    },
    dispose() {
      for (const network of all) network.dispose()
    },
  }
}
