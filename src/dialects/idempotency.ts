import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Actor, CommandContext } from '../commands/context.ts'
import {
  abandonIdempotent,
  beginIdempotent,
  finishIdempotent,
  type IdempotentRequest,
  joinEffects,
} from '../commands/idempotency.ts'

const HEADER = 'idempotency-key'

declare module 'fastify' {
  interface FastifyRequest {
    /** The idempotent request that this one has begun and not yet finished. */
    idempotent: IdempotentRequest | null
  }

  interface FastifyContextConfig {
    /**
     * `command`: what the route does is committed before its answer is known, and doing it again has no second effect,
     * since the command notes what it made with the key, or finds all done. By default the two are one transaction.
     */
    readonly repeatedBy?: 'command'
  }
}

/**
 * Makes every POST of the scope that carries `Idempotency-Key` happen once: a repeated one gets the first answer with
 * `Idempotent-Replayed: true`, one with another body 422, one that comes while the first is at work 409. Only answers
 * that did something are kept. After a refusal nothing was stored, so the same key may be used again.
 *
 * Call it after authentication was added and before the routes; `request.bodyHash` must be set by then for bodies
 * that are not JSON.
 */
export function addIdempotency(scope: FastifyInstance, commands: CommandContext): void {
  scope.decorateRequest('idempotent', null)
  scope.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request)
    if (key === undefined) return undefined
    const begun: IdempotentRequest = { key, requestHash: hashOf(request) }
    const verdict = await beginIdempotent(commands, ownerOf(request), begun)
    if (verdict.kind === 'work') {
      request.idempotent = begun
      return undefined
    }
    const { httpStatus, contentType, body } = verdict.answer
    reply.status(httpStatus).header('content-type', contentType).header('idempotent-replayed', 'true')
    // Bytes are sent as they are; the route's serializer is for objects.
    return reply.send(body)
  })
  // With a callback, since only what is called from here belongs to the transaction: the handler and what it begins.
  scope.addHook('preHandler', (request, _reply, next) => {
    const { idempotent, routeOptions } = request
    if (idempotent === null || routeOptions.config.repeatedBy === 'command') next()
    else joinEffects(commands, idempotent, next)
  })
  scope.addHook('onSend', async (request, reply, payload) => {
    const begun = request.idempotent
    if (begun === null) return payload
    request.idempotent = null
    const { statusCode } = reply
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.from(payload) : undefined
    if (statusCode < 300 && bytes !== undefined) {
      const contentType = String(reply.getHeader('content-type') ?? 'application/json; charset=utf-8')
      await finishIdempotent(commands, ownerOf(request), begun, { httpStatus: statusCode, contentType, body: bytes })
    } else await abandonIdempotent(commands, ownerOf(request), begun)
    return payload
  })
}

/** Node joins a repeated header with a comma and a space, which the command refuses in a key. */
function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers[HEADER]
  return request.method === 'POST' && key !== undefined ? String(key) : undefined
}

/** Keys of the operator are kept beside those of organizations, under the number that no organization has. */
function ownerOf(request: FastifyRequest): Actor {
  if (request.actor !== null) return request.actor
  return { organizationId: 0, credentialId: request.operator?.credentialId ?? '' }
}

function hashOf(request: FastifyRequest): Buffer {
  const hash = createHash('sha256').update(`${request.method} ${request.raw.url ?? ''}\n`)
  if (request.bodyHash !== null) hash.update(request.bodyHash)
  return hash.digest()
}
