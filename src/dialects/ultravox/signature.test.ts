import { createHmac, timingSafeEqual } from 'node:crypto'
import { expect, it } from 'vitest'
import { signedHeaders } from './signature.ts'

const SENT_AT = new Date('2026-11-22T02:00:00.123Z')

/** Written from the vendor's published rule: recompute over body and timestamp, compare with each, refuse old ones. */
function isGenuine(body: string, headers: Record<string, string>, secret: string, nowEpochMs: number): boolean {
  const timestamp = headers['x-ultravox-webhook-timestamp']!
  if (nowEpochMs - Date.parse(`${timestamp}Z`) > 60_000) return false
  const expected = createHmac('sha256', secret).update(Buffer.concat([Buffer.from(body), Buffer.from(timestamp)]))
  const hex = Buffer.from(expected.digest('hex'))
  const given = headers['x-ultravox-webhook-signature']!.split(',').map((each) => Buffer.from(each))
  return given.some((each) => each.length === hex.length && timingSafeEqual(each, hex))
}

it('is taken by a receiver that follows the published rule, with each of the secrets', () => {
  const body = '{"event":"call.started","call":{"name":"Zoë"}}'
  const headers = signedHeaders(body, ['old secret', 'new secret'], SENT_AT)
  expect(headers['x-ultravox-webhook-timestamp']).toBe('2026-11-22T02:00:00.123000')
  expect(headers['x-ultravox-webhook-signature']).toMatch(/^[0-9a-f]{64},[0-9a-f]{64}$/)
  const now = SENT_AT.getTime() + 1_000
  expect(isGenuine(body, headers, 'old secret', now)).toBe(true)
  expect(isGenuine(body, headers, 'new secret', now)).toBe(true)
  expect(isGenuine(body, headers, 'another', now)).toBe(false)
  expect(isGenuine(`${body} `, headers, 'new secret', now)).toBe(false)
  expect(isGenuine(body, headers, 'new secret', now + 120_000)).toBe(false)
})
