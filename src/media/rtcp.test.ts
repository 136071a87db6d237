import fc from 'fast-check'
import { expect, it } from 'vitest'
import { middleOfNtp, readRtcp, roundTripMs, writeRtcp } from './rtcp.ts'

const BLOCK = {
  ssrc: 7,
  fractionLost: 12,
  lost: 345,
  highest: 70_000,
  jitterSamples: 99,
  lastReport: 0x11223344,
  sinceLastReport: 65_536,
}
const SENDER = { nowEpochMs: 1_700_000_000_500, timestamp: 160, packets: 3, octets: 480 }

it('a report has the bytes that RFC 3550 draws', () => {
  const report = writeRtcp({ ssrc: 0xcafebabe, cname: 'ab', sender: SENDER, block: BLOCK, bye: true })
  // 1,700,000,000 s after 1970 are 3,908,988,800 s after 1900; half a second is 2 to the 31.
  expect(report.toString('hex')).toBe(
    '81c8000ccafebabee8fe6f8080000000000000a000000003000001e0' +
      '000000070c00015900011170000000631122334400010000' +
      '81ca0003cafebabe0102616200000000' +
      '81cb0001cafebabe',
  )
})

it('what one side writes the other reads', () => {
  const report = writeRtcp({ ssrc: 5, cname: 'x', sender: SENDER, block: BLOCK, bye: true })
  expect(readRtcp(report, 7)).toEqual({ senderReport: middleOfNtp(SENDER.nowEpochMs), block: BLOCK, bye: true })
  expect(readRtcp(report, 8)).toMatchObject({ block: null })
  expect(readRtcp(writeRtcp({ ssrc: 5, cname: 'x', sender: null, block: null, bye: false }), 7)).toEqual({
    senderReport: null,
    block: null,
    bye: false,
  })
})

it('the time around is what is left of the echo', () => {
  const echoed = { ...BLOCK, lastReport: middleOfNtp(1_700_000_000_000), sinceLastReport: 65_536 }
  expect(roundTripMs(echoed, 1_700_000_001_250)).toBeCloseTo(250, 0)
  expect(roundTripMs({ ...echoed, lastReport: 0 }, 1_700_000_001_250)).toBeNull()
  expect(roundTripMs(echoed, 1_700_000_000_500)).toBeNull()
})

it('any bytes are read without harm', () => {
  const whole = writeRtcp({ ssrc: 5, cname: 'x', sender: SENDER, block: BLOCK, bye: true })
  for (let end = 0; end < whole.length; end++) readRtcp(whole.subarray(0, end), 7)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readRtcp(Buffer.from(bytes), 7)))
})
