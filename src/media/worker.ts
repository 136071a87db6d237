import { parentPort } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import { Pacer } from './pacer.ts'
import { SessionSockets } from './session-sockets.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'
import { WorkerSession } from './worker-session.ts'

/**
 * The program of a media worker: sessions by number, one pacer for all of them. It does nothing that could wait for
 * anything but packets, and shares nothing with the main thread but prompts.
 */
const port = parentPort!
const clock = systemClock
const pacer = new Pacer(clock)
/** Null while its ports are being bound. */
const sessions = new Map<number, WorkerSession | null>()

function tell(news: FromWorker): void {
  port.postMessage(news)
}

async function open(order: Extract<ToWorker, { do: 'open' }>): Promise<void> {
  const { session: number } = order
  sessions.set(number, null)
  try {
    const sockets = await SessionSockets.open(order.bindAddress, order.rtpPort)
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
  sessions.delete(number)
  pacer.remove(session)
  tell({ tell: 'closed', session: number, statistics: await session.close() })
}

port.on('message', (order: ToWorker) => {
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
