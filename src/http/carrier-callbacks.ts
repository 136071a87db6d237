import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CarrierCallback } from '../carriers/carrier.ts'

const BODY_BYTES_MAX = 65_536
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Verifies and stores what a provider posted to a trunk's address; the provider gets the status. */
export type OnCarrierCallback = (trunkId: string, callback: CarrierCallback) => Promise<{ readonly status: number }>

/**
 * `/carriers/<trunk id>/…`, by GET or POST, with the body as the bytes that arrived: signatures are made over them.
 * Whoever posts is nobody until the trunk's carrier has verified it, so an unknown trunk looks like a known one that
 * did not believe the signature.
 */
export function addCarrierCallbacks(server: FastifyInstance, onCallback: OnCarrierCallback): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes))

    const receive = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const { trunkId } = request.params as { trunkId: string }
      const { status } = UUID.test(trunkId)
        ? await onCallback(trunkId.toLowerCase(), callbackOf(request, trunkId))
        : { status: 403 }
      reply.status(status).send()
      await reply
    }
    for (const url of ['/carriers/:trunkId', '/carriers/:trunkId/*']) {
      scope.route({ method: ['GET', 'POST'], url, bodyLimit: BODY_BYTES_MAX, exposeHeadRoute: false, handler: receive })
    }
  })
}

function callbackOf(request: FastifyRequest, trunkId: string): CarrierCallback {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const target = request.raw.url ?? ''
  return {
    method: request.method,
    path: target.slice('/carriers/'.length + trunkId.length),
    headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  }
}
