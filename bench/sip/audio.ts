import { setTimeout as delay } from 'node:timers/promises'
import type { MediaStatistics } from '../../src/media/media-engine.ts'
import type { UdpSockets } from '../../src/udp/udp-sockets.ts'
import { shareText } from '../support/markdown.ts'
import { endLineInPlace, say, sayInPlace, sayTable } from '../support/progress.ts'
import { type Distribution, distribution, round } from '../support/statistics.ts'
import { startWorker, type Worker } from '../support/workers.ts'

const PEER_SOCKETS = 16
/** Calls join one after the other; adaptive buffers and the compiler settle. */
const SETTLE_SECONDS = 3

export interface AudioRow {
  readonly calls: number
  readonly srtp: boolean
  /** Absent in older lines: those of Node. */
  readonly sockets?: UdpSockets
  /** The main thread stood still for 250 ms of every second. */
  readonly mainBlocked: boolean
  readonly packetsPerSecond: number
  /** Of one core, of the whole process. */
  readonly coreShare: number
  readonly microsecondsPerPacket: number
  /** RFC 3550 jitter of what came back, so that both ends and the kernel are in it. */
  readonly jitterMs: Distribution
  /** The worst frame of each call. */
  readonly latestFrameMs: Distribution
  readonly lateFrames: number
  readonly lostPackets: number
  readonly peerCoreShare: number
  /** How much of the time its threads waited for a core that something else used; null where that is not known. */
  readonly waitedForCoreShare: number | null
  /** The same of the other end, whose waiting is in the jitter; absent in older lines. */
  readonly peerWaitedForCoreShare?: number | null
}

/** Announcements with sound both ways, all in one media worker. */
export async function benchAudio(options: {
  calls: readonly number[]
  seconds: number
  srtp: boolean
  sockets?: UdpSockets
  nodeFlags: readonly string[]
}): Promise<AudioRow[]> {
  const rows: AudioRow[] = []
  for (const calls of options.calls) {
    for (const mainBlocked of [false, true]) {
      rows.push(await measure({ ...options, sockets: options.sockets ?? 'rings', calls, mainBlocked }))
    }
  }
  sayTable([
    [
      'calls',
      'packets/s',
      'core',
      'µs/packet',
      'jitter p50',
      'p95',
      'max',
      'latest p50',
      'max',
      'late',
      'lost',
      'waited',
      'peer waited',
    ],
    ...rows.map((row) => [
      `${row.calls}${howOf(row)}${row.mainBlocked ? ', main thread blocked' : ''}`,
      row.packetsPerSecond,
      `${round(row.coreShare * 100, 1)} %`,
      row.microsecondsPerPacket,
      row.jitterMs.p50,
      row.jitterMs.p95,
      row.jitterMs.max,
      row.latestFrameMs.p50,
      row.latestFrameMs.max,
      row.lateFrames,
      row.lostPackets,
      shareText(row.waitedForCoreShare),
      shareText(row.peerWaitedForCoreShare),
    ]),
  ])
  return rows
}

/** What tells a row from those of plain sound by the best sockets. */
export function howOf({ srtp, sockets }: Pick<AudioRow, 'srtp' | 'sockets'>): string {
  const by = { rings: '', system: ', one by one', node: ', by Node' }[sockets ?? 'node']
  return `${srtp ? ', SRTP' : ''}${by}`
}

async function measure(options: {
  calls: number
  seconds: number
  srtp: boolean
  sockets: UdpSockets
  mainBlocked: boolean
  nodeFlags: readonly string[]
}): Promise<AudioRow> {
  const { calls, seconds, srtp, sockets, mainBlocked, nodeFlags } = options
  const workers: Worker[] = []
  try {
    const peer = await startWorker({
      program: new URL('./echo-peer.ts', import.meta.url),
      args: [String(PEER_SOCKETS)],
    })
    workers.push(peer)
    const node = await startWorker({ program: new URL('./media-node.ts', import.meta.url), args: [sockets], nodeFlags })
    workers.push(node)
    await node.ask('call', { ports: await peer.ask<number[]>('ports'), calls, srtp })
    if (mainBlocked) await node.ask('block')
    await delay(SETTLE_SECONDS * 1000)
    const before = await snapshot(node, peer)
    for (let left = seconds; left > 0; left--) {
      sayInPlace(`  ${calls} calls: ${left} s left`)
      await delay(1000)
    }
    endLineInPlace()
    const after = await snapshot(node, peer)
    await node.ask('unblock')
    await node.ask('hangUp')
    await Promise.all(workers.map((worker) => worker.stop()))
    return rowOf({ calls, srtp, sockets, mainBlocked }, before, after)
  } finally {
    for (const worker of workers) worker.kill()
  }
}

interface Snapshot {
  readonly atMs: number
  readonly nodeSeconds: number
  readonly peerSeconds: number
  readonly waitedSeconds: number
  readonly peerWaitedSeconds: number
  readonly statistics: readonly MediaStatistics[]
}

async function snapshot(node: Worker, peer: Worker): Promise<Snapshot> {
  const statistics = await node.ask<MediaStatistics[]>('statistics')
  const [nodeSeconds, waitedSeconds, peerSeconds, peerWaitedSeconds] = await Promise.all([
    node.ask<number>('usage'),
    node.ask<number | null>('waited'),
    peer.ask<number>('usage'),
    peer.ask<number | null>('waited'),
  ])
  // NaN becomes null on its way here.
  const waited = { waitedSeconds: waitedSeconds ?? Number.NaN, peerWaitedSeconds: peerWaitedSeconds ?? Number.NaN }
  return { atMs: performance.now(), nodeSeconds, peerSeconds, ...waited, statistics }
}

function rowOf(
  what: { calls: number; srtp: boolean; sockets: UdpSockets; mainBlocked: boolean },
  before: Snapshot,
  after: Snapshot,
): AudioRow {
  const seconds = (after.atMs - before.atMs) / 1000
  const total = (of: (each: MediaStatistics) => number) =>
    after.statistics.reduce((sum, each, at) => sum + of(each) - of(before.statistics[at]!), 0)
  const packets = total(({ sent, received }) => sent.packets + received.packets)
  const cpuSeconds = after.nodeSeconds - before.nodeSeconds
  const lateFrames = total(({ sent }) => sent.lateFrames)
  const waitedShare = (after.waitedSeconds - before.waitedSeconds) / seconds
  const peerWaitedShare = (after.peerWaitedSeconds - before.peerWaitedSeconds) / seconds
  if (lateFrames > 0) {
    const waited = Number.isNaN(waitedShare)
      ? ''
      : `; its threads waited ${round(waitedShare * 100, 1)} % of the time for a core`
    say(`${lateFrames} frames left more than 20 ms late${waited}`)
  }
  return {
    ...what,
    packetsPerSecond: Math.round(packets / seconds),
    coreShare: round(cpuSeconds / seconds, 3),
    microsecondsPerPacket: round((cpuSeconds * 1e6) / packets, 2),
    jitterMs: distribution(after.statistics.map(({ received }) => received.jitterMs)),
    latestFrameMs: distribution(after.statistics.map(({ sent }) => sent.latestMs)),
    lateFrames,
    lostPackets: total(({ received }) => received.lost),
    peerCoreShare: round((after.peerSeconds - before.peerSeconds) / seconds, 3),
    waitedForCoreShare: Number.isNaN(waitedShare) ? null : round(waitedShare, 3),
    peerWaitedForCoreShare: Number.isNaN(peerWaitedShare) ? null : round(peerWaitedShare, 3),
  }
}
