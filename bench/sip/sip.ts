import os from 'node:os'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say } from '../support/progress.ts'
import { type AudioRow, benchAudio } from './audio.ts'

/** What the product promises of one core, with room for the rest of a node. */
const GOAL = { calls: 1500, coreShare: 0.6, jitterP95Ms: 2, lateFrames: 0 } as const

/** Sound of many calls at once. */
export async function benchSip(options: BenchOptions): Promise<void> {
  const machine = describeMachine(options.folder ?? os.tmpdir())
  const seconds = options.seconds ?? (options.quick ? 3 : 20)
  const calls = options.calls ?? (options.quick ? [100] : [500, 1000, GOAL.calls])
  const audio = await benchAudio({ calls, seconds, srtp: false, nodeFlags: options.nodeFlags })
  const secured = await benchAudio({
    calls: [options.quick ? 50 : 500],
    seconds,
    srtp: true,
    nodeFlags: options.nodeFlags,
  })
  for (const row of audio.filter((each) => each.calls === GOAL.calls)) say(verdictOf(row))
  conclude({ bench: 'sip', machine, seconds, goal: GOAL, audio: [...audio, ...secured], broken: [] }, options.save)
}

function verdictOf(row: AudioRow): string {
  const missed = [
    row.coreShare > GOAL.coreShare ? `${row.coreShare} of a core` : '',
    row.jitterMs.p95 >= GOAL.jitterP95Ms ? `jitter p95 ${row.jitterMs.p95} ms` : '',
    row.lateFrames > GOAL.lateFrames ? `${row.lateFrames} late frames` : '',
  ].filter((each) => each !== '')
  const name = `${row.calls} calls${row.mainBlocked ? ' with a blocked main thread' : ''}`
  return missed.length === 0 ? `${name}: goal reached` : `${name}: goal missed by ${missed.join(', ')}`
}
