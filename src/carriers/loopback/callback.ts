import { createHmac, timingSafeEqual } from 'node:crypto'
import type { CallbackAnswer, CarrierCallback } from '../carrier.ts'
import { callEventOf } from './cause.ts'
import { BODY_BYTES_MAX, callReport } from './wire.ts'

/** Unix seconds at which the callback was signed. */
export const TIMESTAMP_HEADER = 'carillon-loopback-timestamp'
/** `v1=` and the HMAC-SHA256, in hex, over the timestamp, a full stop and the raw body. */
export const SIGNATURE_HEADER = 'carillon-loopback-signature'

const TOLERANCE_SECONDS = 300

/** The headers that prove who posted `body`. */
export function signatureHeaders(body: string, secret: string, nowEpochMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowEpochMs / 1000))
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: signatureOf(timestamp, body, secret) }
}

/**
 * Verifies and decodes a callback: 403 without events when the signature is wrong or older or newer than five
 * minutes, 400 when a signed body is not a report, 405 for other methods than POST.
 */
export function decodeCallback(callback: CarrierCallback, secret: string, nowEpochMs: number): CallbackAnswer {
  if (callback.method !== 'POST') return { status: 405, events: [] }
  if (callback.body.length > BODY_BYTES_MAX) return { status: 413, events: [] }
  if (!isAuthentic(callback, secret, nowEpochMs)) return { status: 403, events: [] }
  const report = callReport.safeParse(parsedJson(callback.body.toString('utf8')))
  if (!report.success) return { status: 400, events: [] }
  const { callId, ref, reports } = report.data
  // A call rings, is answered and ends once each, so its id and the word make a key that a repetition has too.
  const events = reports.map((each) => {
    return callEventOf(each, { ref, carrierCallId: callId, eventKey: `${callId}/${each.kind}` })
  })
  return { status: 200, events }
}

function isAuthentic({ headers, body }: CarrierCallback, secret: string, nowEpochMs: number): boolean {
  const timestamp = headers[TIMESTAMP_HEADER]
  const signature = headers[SIGNATURE_HEADER]
  if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(nowEpochMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false
  const expected = Buffer.from(signatureOf(timestamp, body, secret))
  const given = Buffer.from(signature)
  return expected.length === given.length && timingSafeEqual(expected, given)
}

function signatureOf(timestamp: string, body: string | Buffer, secret: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
