import type { FastifyInstance } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

const DURATION_METRIC = 'carillon_http_request_duration_seconds'

/**
 * Counts and logs every answer under its route's pattern. The path and the query are never logged: they may hold ids
 * that open something (signed links, secrets of callbacks).
 */
export function noteRequests(server: FastifyInstance, deps: { readonly metrics: Registry }): void {
  const durations = new Histogram({
    name: DURATION_METRIC,
    help: 'How long requests took, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers: [deps.metrics],
  })
  server.addHook('onResponse', async (request, reply) => {
    const { method } = request
    const route = request.routeOptions.url ?? 'none'
    const { statusCode: status, elapsedTime: durationMs } = reply
    durations.observe({ method, route, status }, durationMs / 1_000)
    const fields = { requestId: request.id, method, route, status, durationMs: Math.round(durationMs) }
    // Reads that went well come by the thousand from polling clients.
    if (method === 'GET' && status < 400) request.log.debug(fields, 'Answered')
    else request.log.info(fields, 'Answered')
  })
}
