import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

/** What keeps the node from serving; empty when nothing does. */
export interface Readiness {
  readonly ready: boolean
  readonly problems: readonly string[]
}

export interface HealthDeps {
  /** Asked for every `/readyz`; it must answer within seconds. */
  readonly checkReady: () => Promise<Readiness>
  readonly metrics: Registry
}

/**
 * `/healthz`: the process lives. `/readyz`: it can serve, 503 with the reasons when it cannot. `/metrics`: figures for
 * Prometheus. None of them asks for a key, and none says anything about an organization or a person.
 */
export function addHealthRoutes(server: FastifyInstance, deps: HealthDeps): void {
  server.get('/healthz', async () => ({ status: 'ok' }))
  server.get('/readyz', async (_request, reply) => {
    const { ready, problems } = await deps.checkReady().catch(() => ({ ready: false, problems: ['The check failed.'] }))
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not-ready', problems })
  })
  server.get('/metrics', async (_request, reply) => {
    const text = await deps.metrics.metrics()
    return reply.type(deps.metrics.contentType).send(text)
  })
}
