import os from 'node:os'
import type { Clock } from '../clock.ts'
import type { UdpSockets } from '../udp/udp-sockets.ts'
import { EngineSession, type Orders } from './engine-session.ts'
import {
  type MediaEngine,
  MediaError,
  type MediaFigures,
  type MediaListener,
  type MediaSession,
  type MediaSessionOptions,
} from './media-engine.ts'
import { MediaWorker } from './media-worker.ts'
import { PortPool } from './port-pool.ts'
import { addSound, NO_SOUND_YET } from './sound-totals.ts'
import { makeSrtpKey } from './srtp.ts'
import type { WorkerStart } from './worker-messages.ts'

export interface MediaEngineOptions {
  readonly clock: Clock
  readonly log: {
    info(fields: Record<string, unknown>, message: string): void
    warn(fields: Record<string, unknown>, message: string): void
  }
  /** Even ports for RTP, each with the next one for RTCP. Best outside of what the system gives to others. */
  readonly ports: { readonly first: number; readonly last: number }
  /** Threads, of which each carries its share of the calls; started when the first call needs them. */
  readonly workers: number
  /** `rings` when absent. */
  readonly sockets?: UdpSockets
  /**
   * `high` (when absent): the threads go before all else on the machine, as far as the system lets us, and as long as
   * there are fewer of them than cores; `normal`: they are as all others.
   */
  readonly priority?: 'high' | 'normal'
}

const OPEN_MS = 2000
/** A range in which so many in a row are taken is taken by somebody else. */
const BUSY_PORTS_MAX = 20

/** The media engine of a node. No thread and no socket exists before the first session. */
export function createMediaEngine(options: MediaEngineOptions): MediaEngine {
  return new WorkerMediaEngine(options)
}

class WorkerMediaEngine implements MediaEngine {
  readonly #options: MediaEngineOptions
  readonly #ports: PortPool
  readonly #workers: (MediaWorker | null)[]
  readonly #sessions = new Map<number, EngineSession>()
  #lastSession = 0
  #setAside = 0
  #totals = NO_SOUND_YET
  #closed = false

  constructor(options: MediaEngineOptions) {
    this.#options = options
    this.#ports = new PortPool(options.ports, Math.random())
    this.#workers = Array.from({ length: options.workers }, () => null)
  }

  async open(options: MediaSessionOptions, listener: MediaListener): Promise<MediaSession> {
    const { clock, ports } = this.#options
    const startedMs = clock.monotonicMs()
    for (let tried = 0; tried < BUSY_PORTS_MAX && clock.monotonicMs() - startedMs < OPEN_MS; tried++) {
      if (this.#closed) throw new MediaError('closed', 'The media engine is closed')
      const port = this.#ports.take(clock.monotonicMs())
      if (port === null) break
      const session = await this.#openOn(port, options, listener)
      if (session) return session
    }
    throw new MediaError('no-free-port', `No pair of UDP ports is free between ${ports.first} and ${ports.last}`)
  }

  figures(): MediaFigures {
    return {
      sessions: this.#sessions.size,
      portPairsFree: this.#ports.freePairs,
      portPairsBusy: this.#ports.busyPairs,
      portPairsSetAside: this.#setAside,
      totals: this.#totals,
      workers: this.#workers.filter((worker) => worker !== null).length,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#sessions.values()].map((session) => session.close()))
    await Promise.all(this.#workers.map((worker) => worker?.end()))
    this.#workers.fill(null)
  }

  /** Null when the port is taken by somebody else. */
  async #openOn(port: number, options: MediaSessionOptions, listener: MediaListener): Promise<EngineSession | null> {
    const { clock } = this.#options
    const number = ++this.#lastSession
    const worker = this.#emptiestWorker()
    const srtpKey = options.srtp ? makeSrtpKey() : null
    const order = {
      bindAddress: options.bindAddress,
      rtpPort: port,
      srtpKey,
      inactivitySeconds: options.inactivitySeconds,
      hear: options.hear ?? false,
    }
    const code = await worker.open(number, order, OPEN_MS)
    if (code !== null) {
      if (code === 'EADDRINUSE' || code === 'EACCES') {
        this.#ports.setAside(port, clock.monotonicMs())
        this.#setAside++
        return null
      }
      this.#ports.giveBack(port, clock.monotonicMs())
      throw faultOf(code, options.bindAddress)
    }
    const session = new EngineSession({
      number,
      local: { address: options.bindAddress, rtpPort: port, rtcpPort: port + 1 },
      srtpKey,
      listener,
      clock,
      log: this.#options.log,
      orders: worker satisfies Orders,
      onOver: (statistics) => {
        this.#totals = addSound(this.#totals, statistics)
        worker.forget(number)
        this.#sessions.delete(number)
        this.#ports.giveBack(port, clock.monotonicMs())
      },
    })
    this.#sessions.set(number, session)
    worker.attach(number, session)
    return session
  }

  #emptiestWorker(): MediaWorker {
    let best = -1
    for (const [index, worker] of this.#workers.entries()) {
      const load = worker?.sessions ?? 0
      if (best < 0 || load < (this.#workers[best]?.sessions ?? 0)) best = index
    }
    const known = this.#workers[best]
    if (known) return known
    const made = new MediaWorker({
      clock: this.#options.clock,
      sockets: this.#options.sockets ?? 'rings',
      priority: this.#options.workers < os.availableParallelism() ? (this.#options.priority ?? 'high') : 'normal',
      onReady: (start) => this.#tellOfStart(start),
      onGone: (reason) => {
        if (this.#workers[best] === made) this.#workers[best] = null
        if (!this.#closed) this.#options.log.warn({ reason }, 'A media worker ended; its calls have no sound any more')
      },
    })
    this.#workers[best] = made
    return made
  }

  #tellOfStart({ sockets, priority }: WorkerStart): void {
    const { log } = this.#options
    const fields = { sockets, priority }
    const missed = sockets === 'node' && this.#options.sockets !== 'node'
    if (missed)
      log.info(
        fields,
        'A media thread uses the sockets of Node.js, which cost twice as much: koffi is not there for this system',
      )
    else log.info(fields, 'A media thread has started')
  }
}

function faultOf(code: string, address: string): MediaError {
  if (code === 'EADDRNOTAVAIL' || code === 'EINVAL' || code === 'ENOTFOUND') {
    return new MediaError('address-not-available', `${address} is no address of this machine`)
  }
  return new MediaError('worker-failed', `The media worker could not open a session: ${code}`)
}
