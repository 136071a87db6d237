import os from 'node:os'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say } from '../support/progress.ts'
import { type AudioRow, benchAudio } from './audio.ts'
import { benchSetUp, type SetUpResult } from './set-up.ts'

/** What the product promises of one core, with room for the rest of a node. */
const GOAL = { calls: 1500, coreShare: 0.6, jitterP95Ms: 2, lateFrames: 0 } as const

/** A second, both ways together; a frame more or less at both ends of a run is no loss. */
const PACKETS_A_CALL = 100
const ALL_OF_THEM = 0.99

/** Of the rate of sipp's own client, on the same core against the same peer. */
const SET_UP_GOAL = 0.5

/**
 * What is published of Asterisk, to stand beside: its project tells how to measure calls a second with the same client of
 * sipp and prints no result, since machines differ too much. TransNexus measured calls at once with Asterisk 1.4.21 as it
 * comes, each call two legs with sound between them, on four cores of 2.4 GHz, told Asterisk's developers and derived a rule.
 */
export const ASTERISK = {
  callsPerSecond: null,
  callsPerSecondSource:
    'https://docs.asterisk.org/Development/Reference-Information/Other-Reference-Information/Measuring-SIP-Channel-Performance/',
  callsAtOnce: 1000,
  cores: 4,
  gigahertz: 2.4,
  callsPerGigahertz: 100,
  legsPerCall: 2,
  callsAtOnceSource: 'https://support.transnexus.com/ospreypackage/asterisk/performance-test/',
} as const

/** Calls set up in a second, then the sound of many calls at once. */
export async function benchSip(options: BenchOptions): Promise<void> {
  const machine = describeMachine(options.folder ?? os.tmpdir())
  const seconds = options.seconds ?? (options.quick ? 3 : 20)
  const calls = options.calls ?? (options.quick ? [100] : [500, 1000, GOAL.calls])
  const setUp = await benchSetUp({
    rates: options.quick
      ? [200, 500]
      : [500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 10_000, 12_000, 14_000, 16_000, 20_000],
    seconds: options.quick ? 1 : Math.min(seconds, 5),
  })
  if (setUp !== null) say(setUpVerdict(setUp))
  for (const line of asteriskLines(ASTERISK)) say(line)
  const audio = await benchAudio({ calls, seconds, srtp: false, nodeFlags: options.nodeFlags })
  const few = { calls: [options.quick ? 50 : 500], seconds, nodeFlags: options.nodeFlags }
  const oneByOne = await benchAudio({ ...few, srtp: false, sockets: 'system' })
  const byNode = await benchAudio({ ...few, srtp: false, sockets: 'node' })
  const secured = await benchAudio({ ...few, srtp: true })
  const missed = [
    ...(setUp === null || (setUp.ratio ?? 0) >= SET_UP_GOAL ? [] : [setUpVerdict(setUp)]),
    ...audio
      .filter(({ calls }) => calls === GOAL.calls)
      .map(soundVerdict)
      .filter((each) => each !== null),
  ]
  say(missed.length === 0 ? 'no goal missed' : `goals missed: ${missed.join('; ')}`)
  const goal = { ...GOAL, setUpRatio: SET_UP_GOAL }
  const findings = { bench: 'sip', machine, seconds, goal, missed, setUp, asterisk: ASTERISK }
  const sound = [...audio, ...oneByOne, ...byNode, ...secured]
  conclude({ ...findings, audio: sound, broken: [...neverOffered(setUp), ...withoutSound(sound)] }, options.save)
}

/** Asterisk's published figures, in words. */
export function asteriskLines(asterisk: typeof ASTERISK): readonly string[] {
  const { callsAtOnce, cores, gigahertz, callsPerGigahertz, legsPerCall } = asterisk
  const legsOfOneCore = Math.round((callsAtOnce / cores) * legsPerCall)
  return [
    `Asterisk, calls a second: no figure is published (${asterisk.callsPerSecondSource})`,
    `Asterisk, calls at once: ${callsAtOnce} bridged calls on ${cores} cores of ${gigahertz} GHz, ${legsOfOneCore} legs with sound both ways a core; as a rule ${callsPerGigahertz} calls for each GHz (${asterisk.callsAtOnceSource})`,
  ]
}

function setUpVerdict({ ratio }: SetUpResult): string {
  return `call set-up: ${ratio ?? 'unknown'} of sipp's rate, the goal is at least ${SET_UP_GOAL}`
}

/** Null: the goal is reached. */
function soundVerdict(row: AudioRow): string | null {
  const missed = [
    row.coreShare > GOAL.coreShare ? `${row.coreShare} of a core` : '',
    row.jitterMs.p95 >= GOAL.jitterP95Ms ? `jitter p95 ${row.jitterMs.p95} ms` : '',
    row.lateFrames > GOAL.lateFrames ? `${row.lateFrames} late frames` : '',
    row.packetsPerSecond < row.calls * PACKETS_A_CALL * ALL_OF_THEM ? `${row.packetsPerSecond} packets a second` : '',
  ].filter((each) => each !== '')
  if (missed.length === 0) return null
  return `${row.calls} calls${row.mainBlocked ? ' with a blocked main thread' : ''}: ${missed.join(', ')}`
}

/** A bench that could not keep its own rate has measured nothing. */
function neverOffered(setUp: SetUpResult | null): string[] {
  return (setUp?.rows ?? [])
    .filter(({ notOffered }) => notOffered > 0)
    .map(({ offeredPerSecond, notOffered }) => `${notOffered} calls at ${offeredPerSecond} a second were never offered`)
}

/**
 * Both ways, 50 packets a second each: with far fewer in the smallest run the other end was not there, and nothing was
 * measured. In a larger one it is what the machine could do, which is a figure.
 */
function withoutSound(rows: readonly AudioRow[]): string[] {
  const fewest = Math.min(...rows.map(({ calls }) => calls))
  return rows
    .filter(({ calls, packetsPerSecond }) => calls === fewest && packetsPerSecond < calls * 75)
    .map(({ calls, packetsPerSecond }) => `${calls} calls had but ${packetsPerSecond} packets a second`)
}
