import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/**
 * The other end of all calls: sends every packet back. One socket serves many calls, so that it costs less than what
 * is measured; it shares the machine.
 */
const [socketCount = 1] = process.argv.slice(2).map(Number)
const RECEIVE_BUFFER_BYTES = 8 * 1_048_576

const sockets = Array.from({ length: socketCount }, () => {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    sendBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: ((address: string, _options: unknown, done: (...answer: unknown[]) => void) =>
      done(null, address, 4)) as never,
  })
  socket.on('message', (packet, from) => socket.send(packet, from.port, from.address))
  return socket
})
await Promise.all(
  sockets.map((socket) => {
    // Without a real look-up it listens at once: who waits must be there before.
    const listening = once(socket, 'listening')
    socket.bind(0, '127.0.0.1')
    return listening
  }),
)
const ports = sockets.map((socket) => (socket.address() as AddressInfo).port)

serveBench({ ports: () => ports, usage: () => cpuSecondsOfSelf() }, async () => {
  for (const socket of sockets) socket.close()
})
