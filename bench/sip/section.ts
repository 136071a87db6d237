import { number, shareText, table } from '../support/markdown.ts'
import { type AudioRow, howOf } from './audio.ts'
import type { SetUpResult } from './set-up.ts'
import type { ASTERISK } from './sip.ts'

/** A line that `npm run bench -- sip` has saved. */
interface SavedSip {
  readonly setUp: SetUpResult | null
  readonly audio: readonly AudioRow[]
  readonly asterisk: typeof ASTERISK
  readonly goal: {
    readonly calls: number
    readonly coreShare: number
    readonly jitterP95Ms: number
    readonly setUpRatio: number
  }
}

/** The part of docs/reference/performance.md about telephone lines. */
export function sipSection(saved: object): string[] {
  const { setUp, audio, asterisk, goal } = saved as SavedSip
  return [
    '## Telephone lines',
    '',
    ...setUpPart(setUp, goal.setUpRatio),
    ...asteriskPart(asterisk),
    ...audioPart(audio, goal),
  ]
}

function setUpPart(setUp: SetUpResult | null, goal: number): string[] {
  if (setUp === null) return ['Call set-up was not measured: sipp was not installed.', '']
  const place = setUp.pinned
    ? 'on one core, sipp as the exchange on another'
    : 'sharing the cores with sipp as the exchange'
  return [
    `Calls set up and hung up, from the INVITE to the 200 of the BYE, over UDP on one machine: each client ${place}.`,
    `Without a single failure Carillon's SIP side reached **${number(setUp.carillonPerSecond)}** calls a second, the client of sipp`,
    `(C++) ${number(setUp.sippPerSecond)}: a ratio of **${setUp.ratio ?? 'none'}**; the goal is at least ${goal}. A trunk and a node are held to far less on`,
    'purpose (`CARILLON_SIP_CALLS_PER_SECOND`, 200 by default). The last row offers twice the highest rate: what is more than can',
    'be set up waits for its turn and is not sent when half a second was not enough. *Waited* is the time in which a client was',
    'ready to run and had no core, as other programs had it.',
    '',
    ...table([
      [
        'offered a second',
        'completed/s',
        'failed',
        'not sent',
        'of a core',
        'waited for it',
        'CPU µs/call',
        'repeated',
        'set-up p50 ms',
        'p95 ms',
      ],
      ...setUp.rows.map((row) => [
        `${row.who === 'sipp' ? 'sipp' : 'Carillon'}, ${number(row.offeredPerSecond)}`,
        number(row.completedPerSecond),
        number(row.failed),
        number(row.notSent),
        `${Math.round(row.coreShare * 100)} %`,
        shareText(row.waitedForCoreShare),
        number(row.cpuMicrosecondsPerCall),
        row.retransmissions === null ? '-' : number(row.retransmissions),
        String(row.setUpMs?.p50 ?? '-'),
        String(row.setUpMs?.p95 ?? '-'),
      ]),
    ]),
    '',
  ]
}

function asteriskPart(asterisk: typeof ASTERISK): string[] {
  const { callsAtOnce, cores, gigahertz, legsPerCall, callsPerGigahertz } = asterisk
  return [
    `Asterisk beside it: its project [tells how to measure](${asterisk.callsPerSecondSource}) calls a second with the same client of sipp and`,
    `publishes no figure, since machines differ. Of calls at once with sound, [TransNexus published](${asterisk.callsAtOnceSource})`,
    `${number(callsAtOnce)} on ${cores} cores of ${gigahertz} GHz (Asterisk 1.4.21 of 2008, as it comes, G.711, each call two legs, so ${number((callsAtOnce / cores) * legsPerCall)} legs a core) and the`,
    `rule of ${callsPerGigahertz} calls for each GHz. It is a switch that carries sound from one leg to another, on a machine of its time; what`,
    'stands below plays prompts and hears answers. It was not measured here.',
    '',
  ]
}

function audioPart(audio: readonly AudioRow[], goal: SavedSip['goal']): string[] {
  return [
    'Announcements with sound both ways (G.711, 50 packets a second each way), all in one media worker, sent back by a peer',
    `on the same machine. The goal is ${number(goal.calls)} calls on at most ${goal.coreShare * 100} % of one core, jitter p95 under ${goal.jitterP95Ms} ms, no frame over`,
    '20 ms late, also while the main thread stands still for 250 ms of every second. The media thread and the other end are of',
    'real time where the system lets them (`CARILLON_MEDIA_PRIORITY`); *waited* is how much of the time the threads of either',
    'were ready to run and had no core.',
    'Many packets go by one system call ([why](../decisions/0021-rings-for-packets.md)); by a system call for each, or by the',
    'sockets of Node, where the row says so.',
    '',
    ...table([
      [
        'calls',
        'packets/s',
        'of a core',
        'µs/packet',
        'jitter ms p50',
        'p95',
        'max',
        'latest frame ms',
        'late frames',
        'lost',
        'waited for a core',
        'other end',
      ],
      ...audio.map((row) => [
        `${number(row.calls)}${howOf(row)}${row.mainBlocked ? ', main thread blocked' : ''}`,
        number(row.packetsPerSecond),
        `${Math.round(row.coreShare * 100)} %`,
        String(row.microsecondsPerPacket),
        String(row.jitterMs.p50),
        String(row.jitterMs.p95),
        String(row.jitterMs.max),
        String(row.latestFrameMs.max),
        number(row.lateFrames),
        number(row.lostPackets),
        shareText(row.waitedForCoreShare),
        shareText(row.peerWaitedForCoreShare),
      ]),
    ]),
    '',
  ]
}
