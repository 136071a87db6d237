import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Source } from '../udp/socket-name.ts'
import type { SessionSockets } from './datagrams.ts'
import { IncomingSound } from './incoming-sound.ts'
import type { MediaStatistics, RemoteMedia } from './media-engine.ts'
import { leavePacket, OutgoingSound } from './outgoing-sound.ts'
import { FRAME_MS, type Paced } from './pacer.ts'
import type { Prompt } from './prompt.ts'
import { RtcpExchange } from './rtcp-exchange.ts'
import { emptyRtpView, readRtp } from './rtp-packet.ts'
import { SourceLatch } from './source-latch.ts'
import { SrtpReceiver, SrtpSender } from './srtp.ts'
import type { FromWorker, SessionOrder } from './worker-messages.ts'

/** A source that was quiet for so long may have moved to another port. */
const RELATCH_MS = 2000

/** How often (each 100 ms) a session looks whether a report is due and whether the other side is still there. */
const HOUSEKEEPING_FRAMES = 5

/** The packet that is read just now, of whichever session. */
const view = emptyRtpView()

/** News without the number of the session. */
export type SessionNews<News = FromWorker> = News extends FromWorker ? Omit<News, 'session'> : never

export interface WorkerSessionOptions {
  readonly order: SessionOrder
  readonly sockets: SessionSockets
  readonly clock: Clock
  readonly tell: (news: SessionNews) => void
}

/** One session in its worker: what the pacer and the sockets call for each packet. Nothing here waits or throws. */
export class WorkerSession implements Paced {
  readonly #clock: Clock
  readonly #sockets: SessionSockets
  readonly #tell: (news: SessionNews) => void
  readonly #outgoing: OutgoingSound
  readonly #incoming: IncomingSound
  readonly #rtcp: RtcpExchange
  readonly #latch = new SourceLatch()
  readonly #srtpSender: SrtpSender | null
  readonly #inactivityMs: number
  #srtpReceiver: SrtpReceiver | null = null
  #remote: RemoteMedia | null = null
  #maySend = false
  #mayHear = false
  /** Wall clock of the later of `play` and the first `connect`, to tell how long the first frame took. */
  #playAskedAtEpochMs = 0
  #connectAskedAtEpochMs = 0
  #heardAtMs = 0
  #inactiveTold = false
  #frames = 0
  #refused = 0
  #lateFrames = 0
  #latestMs = 0

  constructor({ order, sockets, clock, tell }: WorkerSessionOptions) {
    this.#clock = clock
    this.#sockets = sockets
    this.#tell = tell
    this.#inactivityMs = order.inactivitySeconds * 1000
    this.#srtpSender = order.srtpKey ? new SrtpSender(order.srtpKey) : null
    this.#outgoing = new OutgoingSound({
      onStarted: (playing) => tell({ tell: 'started', playing, afterMs: this.#sinceAsked() }),
      onEnded: (playing, how) => tell({ tell: 'ended', playing, how }),
    })
    this.#incoming = new IncomingSound({
      onKey: (key) => tell({ tell: 'key', key }),
      onVoice: () => tell({ tell: 'voice' }),
      ...(order.hear ? { onSound: (samples: Int16Array) => tell({ tell: 'sound', samples }) } : {}),
    })
    this.#rtcp = new RtcpExchange({ outgoing: this.#outgoing, incoming: this.#incoming, cname: randomUUID(), clock })
    sockets.listen(
      (packet, source, arrivedMs) => this.#onRtp(packet, source, arrivedMs),
      (packet, source, arrivedMs) => this.#onRtcp(packet, source, arrivedMs),
    )
  }

  connect(remote: RemoteMedia, askedAtEpochMs: number): void {
    if (this.#remote === null) this.#connectAskedAtEpochMs = askedAtEpochMs
    const newKey = !sameBytes(this.#remote?.srtpKey ?? null, remote.srtpKey)
    if (newKey) this.#srtpReceiver = remote.srtpKey ? new SrtpReceiver(remote.srtpKey) : null
    const reachable = isIP(remote.address) !== 0 && remote.port > 0 && remote.port < 65_536
    const held = remote.address === '0.0.0.0' || remote.address === '::'
    // Once a key was offered, nothing is said in the clear; whoever reads the answer has refused it by then.
    const private_ = (this.#srtpSender !== null) === (remote.srtpKey !== null)
    this.#maySend = reachable && !held && private_ && /^send/.test(remote.direction)
    const mayHear = private_ && /^(sendrecv|recvonly)$/.test(remote.direction) && !held
    if (mayHear && !this.#mayHear) this.#heardAtMs = this.#clock.monotonicMs()
    this.#mayHear = mayHear
    this.#outgoing.configure(remote)
    this.#incoming.configure(remote)
    if (reachable && !held && this.#latch.announce({ address: remote.address, port: remote.port })) this.#unsettle()
    else if (newKey) this.#relatch()
    this.#remote = remote
  }

  play(playing: number, prompt: Prompt, askedAtEpochMs: number): void {
    this.#outgoing.play(playing, prompt)
    this.#playAskedAtEpochMs = askedAtEpochMs
  }

  stopPlaying(): void {
    this.#outgoing.stop()
  }

  sendKeys(keys: string): void {
    this.#outgoing.sendKeys(keys)
  }

  onFrame(dueMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#sockets.lookForRtp(nowMs)
    if (++this.#frames % HOUSEKEEPING_FRAMES === 0) this.#sockets.lookForRtcp(nowMs)
    if (!this.#remote) return
    if (this.#maySend) {
      this.#noteLateness(nowMs - dueMs)
      const packet = this.#outgoing.next()
      const sealed = this.#srtpSender ? this.#srtpSender.protectRtp(packet) : packet
      if (!this.#sockets.sendRtp(sealed, this.#latch.target!)) leavePacket()
    } else this.#outgoing.skip(1)
  }

  onReceived(dueMs: number): void {
    if (!this.#remote) return
    this.#incoming.onFrame()
    if (this.#frames % HOUSEKEEPING_FRAMES > 0) return
    if (this.#rtcp.isDue(dueMs)) this.#sendReport(false)
    if (this.#mayHear) this.#watchSilence(dueMs)
  }

  onSkipped(frames: number): void {
    this.#outgoing.skip(frames)
    if (this.#maySend) this.#noteLateness(frames * FRAME_MS)
  }

  statistics(): MediaStatistics {
    return {
      sent: {
        packets: this.#outgoing.packets,
        lateFrames: this.#lateFrames,
        latestMs: this.#latestMs,
        ...this.#rtcp.reported,
      },
      received: this.#incoming.statistics(this.#refused),
    }
  }

  /** Before the end: what has arrived until now belongs to the call. */
  lookForTheRest(): void {
    this.#sockets.lookForTheRest()
  }

  /** Resolves when the ports are free. */
  async close(): Promise<MediaStatistics> {
    if (this.#maySend && this.#outgoing.packets > 0) this.#sendReport(true)
    this.#maySend = false
    await this.#sockets.close()
    return this.statistics()
  }

  #onRtp(packet: Buffer, source: Source, nowMs: number): void {
    const remote = this.#remote
    const open = remote && this.#openRtp(packet)
    if (!open || !readRtp(open, view) || !this.#incoming.expects(view.payloadType)) {
      this.#refused++
      return
    }
    if (!this.#latch.take(source, nowMs)) {
      this.#refused++
      return
    }
    if (!this.#sockets.settled) {
      const settled = this.#latch.settled(nowMs)
      if (settled) this.#sockets.settleOn(settled)
    }
    this.#noteHeard(nowMs)
    this.#incoming.take(open, view, nowMs)
  }

  #onRtcp(packet: Buffer, source: Source, nowMs: number): void {
    const target = this.#latch.target
    const open = this.#remote && target && source.address === target.address ? this.#openRtcp(packet) : null
    if (open && this.#rtcp.take(open, nowMs)) this.#noteHeard(nowMs)
    else this.#refused++
  }

  #openRtp(packet: Buffer): Buffer | null {
    if (this.#srtpReceiver) return this.#srtpReceiver.openRtp(packet)
    return this.#srtpSender ? null : packet
  }

  #openRtcp(packet: Buffer): Buffer | null {
    if (this.#srtpReceiver) return this.#srtpReceiver.openRtcp(packet)
    return this.#srtpSender ? null : packet
  }

  #sendReport(bye: boolean): void {
    const target = this.#latch.target
    if (!target || !this.#maySend) return
    const announced = this.#remote!
    const port = target.port === announced.port ? announced.rtcpPort : target.port + 1
    if (!(port > 0 && port < 65_536)) return
    const report = this.#rtcp.report(bye)
    this.#sockets.sendRtcp(this.#srtpSender ? this.#srtpSender.protectRtcp(report) : report, {
      address: target.address,
      port,
    })
  }

  #noteHeard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#inactiveTold = false
  }

  #watchSilence(nowMs: number): void {
    const silentMs = nowMs - this.#heardAtMs
    if (silentMs < RELATCH_MS) return
    this.#relatch()
    if (silentMs < this.#inactivityMs || this.#inactiveTold) return
    this.#inactiveTold = true
    this.#tell({ tell: 'inactive', silentMs })
  }

  #relatch(): void {
    this.#latch.forget()
    this.#unsettle()
  }

  #unsettle(): void {
    this.#sockets.unsettle()
  }

  #noteLateness(lateMs: number): void {
    if (lateMs > this.#latestMs) this.#latestMs = lateMs
    if (lateMs > FRAME_MS) this.#lateFrames++
  }

  #sinceAsked(): number {
    const askedAt = Math.max(this.#playAskedAtEpochMs, this.#connectAskedAtEpochMs)
    return Math.max(0, this.#clock.nowEpochMs() - askedAt)
  }
}

function sameBytes(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other
  return Buffer.from(one).equals(other)
}
