import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RequestError } from '../dialects/request-errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for routes with a `wsHandler`. */
    takesWebSocket?: boolean
  }
}

/** Two seconds and more of the best sound; a larger message ends the connection with 1009. */
const MESSAGE_BYTES_MAX = 262_144

/** Headers that are about this one connection. */
const OFFERS: ReadonlySet<string> = new Set(['connection', 'upgrade', 'http2-settings'])

/** Requests that came to open a WebSocket. */
const wanting = new WeakSet<IncomingMessage>()

/** Routes may have a `wsHandler`. Offers of other protocols are ignored, as HTTP allows: the request is answered as it is. */
export function takeWebSockets(server: FastifyInstance): void {
  const webSockets = new EventEmitter()
  server.server.on('upgrade', (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') {
      wanting.add(request)
      webSockets.emit('upgrade', request, socket, head)
    } else readAgain(server.server, request, socket, head)
  })
  server.addHook('onRoute', (route) => {
    if (route.wsHandler !== undefined) route.config = { ...route.config, takesWebSocket: true }
  })
  const options = { server: webSockets as unknown as Server, maxPayload: MESSAGE_BYTES_MAX }
  server.register(fastifyWebsocket, {
    options,
    // Nothing that a client does wrong is an error of ours; after a fault of the protocol the library says good-bye itself.
    errorHandler: (error, socket, request) => {
      request.log.info({ err: error }, 'A WebSocket failed')
      if (socket.readyState === socket.OPEN) socket.terminate()
    },
  })
}

/** @throws RequestError `route-not-found` for a WebSocket where there is none, before it is opened. */
export function refuseStrayWebSocket(request: FastifyRequest): void {
  if (!wanting.has(request.raw) || request.routeOptions.config.takesWebSocket === true) return
  throw new RequestError('route-not-found')
}

/**
 * Node gives every request that offers a protocol to whoever takes upgrades, without its body: clients that offer HTTP/2
 * with each request (those of Java do) would never be answered. So the request is read once more, without the offer.
 */
function readAgain(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]!
    if (!OFFERS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[at + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', socket)
}
