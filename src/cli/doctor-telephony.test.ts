import { expect, it } from 'vitest'
import { addressFinding, mediaPortsFinding, soundFindings } from './doctor-telephony.ts'

it('warns of ports for sound that the system gives to others', () => {
  const system = { first: 32_768, last: 60_999 }
  expect(mediaPortsFinding({ first: 16_384, last: 32_767 }, system)).toMatchObject({ level: 'ok' })
  expect(mediaPortsFinding({ first: 16_384, last: 32_767 }, system).text).toContain('8192 calls')
  expect(mediaPortsFinding({ first: 30_000, last: 40_000 }, system)).toMatchObject({ level: 'warning' })
  expect(mediaPortsFinding({ first: 30_000, last: 40_000 }, null)).toMatchObject({ level: 'ok' })
})

it('knows whether a carrier can find this machine', () => {
  const settings = { sipAddresses: ['0.0.0.0'], sipPublicAddress: undefined }
  expect(addressFinding(settings, ['127.0.0.1', '192.168.1.5'])).toMatchObject({ level: 'note' })
  expect(addressFinding(settings, ['127.0.0.1', '203.0.113.5'])).toMatchObject({ level: 'ok' })
  expect(addressFinding({ ...settings, sipPublicAddress: '203.0.113.5' }, ['10.0.0.5'])).toMatchObject({ level: 'ok' })
  expect(addressFinding({ ...settings, sipAddresses: ['10.9.9.9'] }, ['10.0.0.5'])).toMatchObject({ level: 'bad' })
})

it('tells what makes sound cost more or come late, and nothing of what was chosen', () => {
  const settings = { udpSockets: 'rings', mediaPriority: 'high' } as const
  const texts = (...of: Parameters<typeof soundFindings>) =>
    soundFindings(...of).map(({ level, text }) => `${level} ${text}`)
  const everything = { systemCalls: true, rings: true, realTime: true }
  expect(texts(settings, everything)).toEqual([expect.stringMatching(/^ok /)])
  expect(texts(settings, { ...everything, realTime: false })).toEqual([expect.stringMatching(/^note .*late/)])
  const noRings = { ...everything, rings: false }
  expect(texts(settings, noRings)).toEqual([expect.stringMatching(/^note .*cost/)])
  expect(texts({ ...settings, udpSockets: 'system' }, noRings)).toEqual([expect.stringMatching(/^ok /)])
  const nothing = { systemCalls: false, rings: false, realTime: false }
  expect(texts(settings, nothing)).toEqual([expect.stringMatching(/cost/), expect.stringMatching(/late/)])
  expect(texts({ udpSockets: 'node', mediaPriority: 'normal' }, nothing)).toEqual([expect.stringMatching(/^ok /)])
})
