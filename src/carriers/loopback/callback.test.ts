import { describe, expect, it } from 'vitest'
import type { CarrierCallback } from '../carrier.ts'
import { decodeCallback, signatureHeaders } from './callback.ts'
import { BODY_BYTES_MAX } from './wire.ts'

const NOW_EPOCH_MS = 1_800_000_000_000
const SECRET = 'a-secret-of-this-trunk'
const REPORT = { callId: 'LB1', ref: '0'.repeat(32), reports: [{ kind: 'ringing', atEpochMs: NOW_EPOCH_MS }] }

function callback(body: string, signed: { secret?: string; atEpochMs?: number } = {}): CarrierCallback {
  const { secret = SECRET, atEpochMs = NOW_EPOCH_MS } = signed
  return { method: 'POST', path: '/', headers: signatureHeaders(body, secret, atEpochMs), body: Buffer.from(body) }
}

const answered = (posted: CarrierCallback) => decodeCallback(posted, SECRET, NOW_EPOCH_MS)
const good = callback(JSON.stringify(REPORT))

it('one that the network signed is believed', () => {
  expect(answered(good)).toMatchObject({ status: 200, events: [{ kind: 'ringing', eventKey: 'LB1/ringing' }] })
})

describe('one is not believed', () => {
  it.each<[string, CarrierCallback]>([
    ['without a signature', { ...good, headers: {} }],
    ['signed with the secret of another trunk', callback(JSON.stringify(REPORT), { secret: 'a-secret-of-another' })],
    ['replayed after ten minutes', callback(JSON.stringify(REPORT), { atEpochMs: NOW_EPOCH_MS - 600_000 })],
    ['signed in ten minutes', callback(JSON.stringify(REPORT), { atEpochMs: NOW_EPOCH_MS + 600_000 })],
    ['with one byte more', { ...good, body: Buffer.concat([good.body, Buffer.from(' ')]) }],
    [
      'with a signature of another form',
      { ...good, headers: { ...good.headers, 'carillon-loopback-signature': 'v1=' } },
    ],
  ])('%s', (_, posted) => expect(answered(posted)).toEqual({ status: 403, events: [] }))
})

describe('one that is signed and says nothing that can be used is refused', () => {
  const reported = (report: object) => JSON.stringify({ ...REPORT, reports: [report] })
  it.each([
    ['no JSON', 'CallDuration=-1'],
    ['no report', '{}'],
    ['an instant in words', reported({ kind: 'ringing', atEpochMs: 'abc' })],
    [
      'an instant without end',
      `{"callId":"LB1","ref":"${REPORT.ref}","reports":[{"kind":"ringing","atEpochMs":1e999}]}`,
    ],
    ['a kind that is none', reported({ kind: 'exploded', atEpochMs: 1 })],
    ['keys that are none', reported({ kind: 'ended', atEpochMs: 1, ending: 'hung-up', keysPressed: 'abc' })],
    ['the reference of no attempt', JSON.stringify({ ...REPORT, ref: '../etc/passwd' })],
  ])('%s', (_, body) => expect(answered(callback(body))).toEqual({ status: 400, events: [] }))

  it('by another method, or larger than any', () => {
    expect(answered({ ...good, method: 'GET' })).toEqual({ status: 405, events: [] })
    expect(answered(callback('x'.repeat(BODY_BYTES_MAX + 1)))).toEqual({ status: 413, events: [] })
  })
})
