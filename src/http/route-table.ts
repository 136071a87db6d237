import type { FastifyInstance } from 'fastify'

/** One route as it was registered. */
export interface RouteEntry {
  readonly method: string
  readonly url: string
  /** Name of the dialect it belongs to; null for what belongs to none. */
  readonly dialect: string | null
}

/** All routes of a server: tells a wrong method from a wrong path, and lets a test look for paths with two owners. */
export class RouteTable {
  readonly entries: RouteEntry[] = []
  readonly #patterns: { readonly pattern: RegExp; readonly method: string }[] = []

  /** Notes every route that is added to the scope, and to the scopes inside it, from now on. */
  watch(scope: FastifyInstance, dialectOf: () => string | null): void {
    scope.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat()) {
        this.entries.push({ method: each, url, dialect: dialectOf() })
        this.#patterns.push({ pattern: patternOf(url), method: each })
      }
    })
  }

  /** The methods that some route takes at this path, sorted. */
  methodsAt(path: string): string[] {
    const methods = this.#patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
    return [...new Set(methods)].sort()
  }
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replace(/:\w+/g, '[^/]+')}$`)
}
