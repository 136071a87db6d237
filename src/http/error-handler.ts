import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Dialect } from '../dialects/dialect.ts'
import { PROBLEM_TYPE, problemOf } from '../dialects/problem.ts'
import { RequestError, type RequestErrorCode } from '../dialects/request-errors.ts'
import type { Logger } from '../logger.ts'
import { sortFailure } from './failures.ts'

/** More than any address takes, several times over. */
const DISCARDED_BYTES_MAX = 256 * 1_048_576

/** Sends an error in a dialect's form, with the headers that belong to it, and logs it when the fault is ours. */
export function answerError(dialect: Dialect, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { failure, headers, ours } = sortFailure(error)
  if (ours) {
    const fields = { err: error, requestId: request.id, method: request.method, route: request.routeOptions.url }
    request.log.error(fields, 'A request failed')
  }
  if (reply.sent || reply.raw.headersSent) {
    // The answer is under way and cannot be taken back; cutting it off is the only way to say that it is not whole.
    reply.raw.destroy()
    return
  }
  reply.headers(headers)
  discardRest(request, reply)
  if (failure.httpStatus === 401) reply.header('www-authenticate', 'Bearer')
  dialect.answerFailure(failure, request, reply)
}

/**
 * A client that writes all of its body before it looks for an answer gets this one only when the rest of the body is
 * read: a connection that is closed with bytes unread is reset, and what was answered is lost with it. So the rest is
 * thrown away, within reason.
 */
function discardRest({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || raw.destroyed) return
  if (Number(headers['content-length'] ?? 0) > DISCARDED_BYTES_MAX) {
    reply.header('connection', 'close')
    return
  }
  // The framework would close it.
  reply.removeHeader('connection')
  let left = DISCARDED_BYTES_MAX
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.byteLength
    if (left < 0) raw.destroy()
  })
  raw.resume()
}

/** The error handler of a dialect's scope. */
export function errorHandlerOf(dialect: Dialect) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    answerError(dialect, error, request, reply)
  }
}

/** The path of a request's target without its query. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

/** The dialect that owns a path; the first of them for what belongs to none. */
export function ownerOf(dialects: readonly [Dialect, ...Dialect[]], request: FastifyRequest): Dialect {
  const path = pathOf(request.raw.url ?? '/')
  return dialects.find((dialect) => dialect.owns(path, request.headers)) ?? dialects[0]
}

const SOCKET_ERRORS: Readonly<Record<string, RequestErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
}

/** Answers what never became a request: broken HTTP, headers without end, bodies that do not arrive. */
export function answerSocketError(log: Logger) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable || socket.destroyed) {
      socket.destroy()
      return
    }
    const refusal = new RequestError(SOCKET_ERRORS[error.code ?? ''] ?? 'malformed-request')
    const requestId = randomUUID()
    log.debug({ requestId, code: error.code }, 'A connection sent no valid request')
    const body = JSON.stringify(problemOf(sortFailure(refusal).failure, requestId))
    const head = [
      `HTTP/1.1 ${refusal.httpStatus} Refused`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
}
