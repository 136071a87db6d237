import type { Clock } from '../clock.ts'
import type { IncomingSound } from './incoming-sound.ts'
import type { MediaStatistics } from './media-engine.ts'
import type { OutgoingSound } from './outgoing-sound.ts'
import { SAMPLES_PER_SECOND } from './prompt.ts'
import { readRtcp, roundTripMs, writeRtcp } from './rtcp.ts'

/** RFC 3550 section 6.2: five seconds, spread from half to one and a half so that sessions do not report together. */
const INTERVAL_MS = 5000

export interface RtcpExchangeOptions {
  readonly outgoing: OutgoingSound
  readonly incoming: IncomingSound
  readonly cname: string
  readonly clock: Clock
}

type Reported = Pick<MediaStatistics['sent'], 'reportedLoss' | 'reportedJitterMs' | 'roundTripMs'>

/** The reports of one session, both ways. */
export class RtcpExchange {
  readonly #options: RtcpExchangeOptions
  #dueMs = Number.NaN
  #packetsReported = 0
  #theirReport = 0
  #theirReportAtMs = 0
  reported: Reported = { reportedLoss: null, reportedJitterMs: null, roundTripMs: null }

  constructor(options: RtcpExchangeOptions) {
    this.#options = options
  }

  /** Whether a report should leave now; true once for each interval. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.#dueMs) return false
    const first = Number.isNaN(this.#dueMs)
    this.#dueMs = nowMs + INTERVAL_MS * (0.5 + Math.random())
    return !first
  }

  report(bye: boolean): Buffer {
    const { outgoing, incoming, clock, cname } = this.#options
    const sentSince = outgoing.packets > this.#packetsReported
    this.#packetsReported = outgoing.packets
    const { timestamp, packets, octets, ssrc } = outgoing
    const heard = incoming.ssrc < 0 ? null : incoming.counter.report()
    const since = this.#theirReport === 0 ? 0 : ((clock.monotonicMs() - this.#theirReportAtMs) * 65_536) / 1000
    return writeRtcp({
      ssrc,
      cname,
      sender: sentSince ? { nowEpochMs: clock.nowEpochMs(), timestamp, packets, octets } : null,
      block: heard && {
        ssrc: incoming.ssrc,
        ...heard,
        lastReport: this.#theirReport,
        sinceLastReport: Math.min(Math.round(since), 0xffffffff),
      },
      bye,
    })
  }

  /** False when a packet is no RTCP. */
  take(packet: Buffer, nowMs: number): boolean {
    const { outgoing, clock } = this.#options
    const news = readRtcp(packet, outgoing.ssrc)
    if (!news) return false
    if (news.senderReport !== null) {
      this.#theirReport = news.senderReport
      this.#theirReportAtMs = nowMs
    }
    if (news.block) {
      this.reported = {
        reportedLoss: news.block.fractionLost / 256,
        reportedJitterMs: (news.block.jitterSamples * 1000) / SAMPLES_PER_SECOND,
        roundTripMs: roundTripMs(news.block, clock.nowEpochMs()) ?? this.reported.roundTripMs,
      }
    }
    return true
  }
}
