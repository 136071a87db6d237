import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readJsonBody } from '../dialects/json-body.ts'
import { RequestError } from '../dialects/request-errors.ts'
import { AppError } from '../errors.ts'

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?=\s*(?:;|$))/i
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]+)/i

/**
 * Makes a scope and those inside it take JSON and nothing else: see {@link readJsonBody} for what is refused. The
 * hash of the bytes stands on the request, so that a repeated one can be told from a changed one.
 */
export function takeJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      done(null, readJson(request, bytes as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
}

/** Refuses what is wrong with a body by its headers alone, before a byte of it is read. */
export function refuseForeignEncodings(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity')
    throw new RequestError('unsupported-encoding')
  const charset = CHARSET.exec(request.headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw new RequestError('unsupported-charset')
}

function readJson(request: FastifyRequest, bytes: Buffer): unknown {
  request.bodyHash = createHash('sha256').update(bytes).digest()
  const body = readJsonBody(bytes)
  if (body.ok) return body.value
  if (body.field === '') throw new RequestError('malformed-body', { message: body.message, remedy: body.remedy })
  throw new AppError('invalid-input', {
    field: body.field,
    args: [`${body.field}: ${body.message}`],
    remedy: body.remedy,
  })
}
