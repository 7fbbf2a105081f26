import type { FastifyInstance } from 'fastify'

/** Which methods each path of an app answers. */
export interface RouteTable {
  /** The methods of the path that `url` names, sorted; empty when there is none. */
  methodsOf(url: string): readonly string[]
}

/** Listens to the routes that are added from now on, so that a wrong method can be told from a wrong path. */
export function recordRoutes(app: FastifyInstance): RouteTable {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    for (const name of [method].flat()) known.add(name)
    methods.set(url, known)
  })
  return {
    methodsOf(url) {
      const path = url.split('?', 1)[0] ?? ''
      const match = [...methods].find(([pattern]) => matches(pattern.split('/'), path.split('/')))
      return match ? [...match[1]].sort() : []
    },
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, i) => part.startsWith(':') || part === path[i])
}
