import { afterEach, expect } from 'vitest'
import type { CallRequest } from '../../src/carriers/carrier.ts'
import { answer, answerCancelled, answerInDialog, keepSequence, recv, type Step, scenario } from './scenario.ts'
import { type Sipp, type SippOptions, startSipp } from './sipp.ts'
import { type TrunkBench, trunkBench } from './trunk-bench.ts'

/** What a test has started; all of it is ended after the test. */
export const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

export const ringing = [recv('INVITE', { action: keepSequence }), answer(100, 'Trying'), answer(180, 'Ringing')]
export const answered = [answer(200, 'OK', { sdp: true }), recv('ACK')]
export const hungUp = [recv('BYE'), answerInDialog(200, 'OK')]
export const cancelled = [recv('CANCEL'), answerInDialog(200, 'OK'), answerCancelled(), recv('ACK')]

export interface Played {
  readonly story: string
  readonly sipp: Sipp
  readonly bench: TrunkBench
  readonly ref: string
  /** What sipp received, start lines without the URI. */
  readonly received: string[]
}

export interface Playing {
  readonly settings?: Parameters<typeof trunkBench>[0]
  readonly request?: Partial<CallRequest>
  readonly sipp?: Partial<SippOptions>
  readonly bench?: Parameters<typeof trunkBench>[1]
  readonly during?: (bench: TrunkBench, ref: string, sipp: Sipp) => Promise<void> | void
}

/** One call through a scenario of sipp; fails when sipp found a message wrong. */
export async function play(name: string, steps: readonly Step[], playing: Playing = {}): Promise<Played> {
  const sipp = await startSipp({ calls: 1, scenario: scenario(name, steps), ...playing.sipp })
  cleanUps.push(() => sipp.stop())
  const settings = { host: sipp.address, port: sipp.port, probe: false, ...playing.settings }
  const bench = trunkBench(settings, playing.bench)
  cleanUps.push(() => bench.stop())
  const ref = bench.place(playing.request)
  await playing.during?.(bench, ref, sipp)
  await bench.ended(ref)
  expect(await sipp.ended, sipp.complaints()).toBe(0)
  const received = sipp
    .messages()
    .flatMap(({ direction, startLine }) => (direction === 'received' ? [wordOf(startLine)] : []))
  return { story: bench.story(ref), sipp, bench, ref, received }
}

export function wordOf(startLine: string): string {
  return /^SIP\/2\.0 (\d+)/.exec(startLine)?.[1] ?? startLine.split(' ')[0]!
}
