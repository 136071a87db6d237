import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import { PacketRings } from '../udp/packet-rings.ts'
import { SinglePackets } from '../udp/single-packets.ts'
import { SystemCalls } from '../udp/system-calls.ts'
import type { UdpSockets } from '../udp/udp-sockets.ts'
import type { Datagrams } from './datagrams.ts'
import { NodeDatagrams } from './node-datagrams.ts'
import { Pacer } from './pacer.ts'
import { SystemDatagrams } from './system-datagrams.ts'
import { raiseThreadPriority } from './thread-priority.ts'
import type { FromWorker, ToWorker, WorkerData } from './worker-messages.ts'
import { WorkerSession } from './worker-session.ts'

/**
 * The program of a media worker: sessions by number, one pacer for all of them. It does nothing that could wait for
 * anything but packets, and shares nothing with the main thread but prompts.
 */
/** More than any packet of sound has; what is longer is cut off. */
const PACKET_BYTES_MAX = 2048

const port = parentPort!
const clock = systemClock
const { sockets: wanted, priority } = workerData as WorkerData
const calls = wanted === 'node' ? null : await SystemCalls.load(PACKET_BYTES_MAX)
const { datagrams, sockets } = chosenDatagrams(calls)
const pacer = new Pacer(clock, () => datagrams.receive())
/** Null while its ports are being bound. */
const sessions = new Map<number, WorkerSession | null>()

function chosenDatagrams(calls: SystemCalls | null): { datagrams: Datagrams; sockets: UdpSockets } {
  const others = new NodeDatagrams(clock)
  if (calls === null) return { datagrams: others, sockets: 'node' }
  const rings = wanted === 'rings' ? PacketRings.open(calls.libc, PACKET_BYTES_MAX) : null
  const system = new SystemDatagrams({ calls, mover: rings ?? new SinglePackets(calls), clock, others })
  process.on('exit', () => system.end())
  return { datagrams: system, sockets: rings === null ? 'system' : 'rings' }
}

function tell(news: FromWorker): void {
  port.postMessage(news)
}

async function open(order: Extract<ToWorker, { do: 'open' }>): Promise<void> {
  const { session: number } = order
  sessions.set(number, null)
  try {
    const sockets = await datagrams.open(order.bindAddress, order.rtpPort)
    const session = new WorkerSession({
      order,
      sockets,
      clock,
      tell: (news) => tell({ ...news, session: number } as FromWorker),
    })
    sessions.set(number, session)
    pacer.add(session)
    tell({ tell: 'opened', session: number, address: order.bindAddress })
  } catch (error) {
    sessions.delete(number)
    tell({ tell: 'open-failed', session: number, code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' })
  }
}

async function close(number: number, session: WorkerSession): Promise<void> {
  session.lookForTheRest()
  datagrams.receive()
  sessions.delete(number)
  pacer.remove(session)
  tell({ tell: 'closed', session: number, statistics: await session.close() })
}

tell({
  tell: 'ready',
  sockets,
  priority: priority === 'high' ? raiseThreadPriority(calls) : 'normal',
})

port.on('message', (order: ToWorker) => {
  if (order.do === 'end') process.exit(0)
  if (order.do === 'open') {
    void open(order)
    return
  }
  const session = sessions.get(order.session)
  if (!session) return
  switch (order.do) {
    case 'connect':
      session.connect(order.remote, order.askedAtEpochMs)
      break
    case 'play':
      session.play(order.playing, order.prompt, order.askedAtEpochMs)
      break
    case 'stop-playing':
      session.stopPlaying()
      break
    case 'send-keys':
      session.sendKeys(order.keys)
      break
    case 'count':
      tell({ tell: 'counted', session: order.session, statistics: session.statistics() })
      break
    case 'close':
      void close(order.session, session)
  }
})
