import { SPEED_MAX, SPEED_MIN } from './config.ts'
import type { CallPlan } from './story.ts'

/**
 * The id of a simulated call: `LB` and eight fields of fixed width in base 62, 34 characters in all. It holds
 * everything that decides the call, so that a call goes on, and can be asked for, when the process that placed
 * it is gone: as a real network's calls do.
 */
export interface CallIdFields {
  readonly placedAtEpochMs: number
  readonly plan: CallPlan
  /** Tells calls apart that were placed to one number in the same millisecond. */
  readonly tie: number
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]))
const PREFIX = 'LB'
const WIDTHS = [7, 9, 2, 3, 3, 2, 4, 2] as const
const LENGTH = PREFIX.length + WIDTHS.reduce((sum, width) => sum + width, 0)

/** The nearest plan an id can hold: whole seconds, speed in hundredths, everything within its field. */
export function planThatFits(plan: CallPlan): CallPlan {
  return {
    to: plan.to,
    ringTimeoutSeconds: whole(plan.ringTimeoutSeconds, 1, 62 ** 2 - 1),
    maxCallSeconds: whole(plan.maxCallSeconds, 1, 62 ** 3 - 1),
    textLength: whole(plan.textLength, 0, 62 ** 3 - 1),
    waitForKeySeconds: whole(plan.waitForKeySeconds, 0, 62 ** 2 - 1),
    speed: Math.round(Math.min(Math.max(plan.speed, SPEED_MIN), SPEED_MAX) * 100) / 100,
  }
}

/** `plan` must be one that fits (`planThatFits`) and its number E.164-shaped. */
export function encodeCallId({ placedAtEpochMs, plan, tie }: CallIdFields): string {
  const values = [
    placedAtEpochMs,
    Number(plan.to.slice(1)),
    plan.ringTimeoutSeconds,
    plan.maxCallSeconds,
    plan.textLength,
    plan.waitForKeySeconds,
    Math.round(plan.speed * 100),
    tie % 62 ** 2,
  ]
  return PREFIX + values.map((value, field) => toBase62(value, WIDTHS[field]!)).join('')
}

/** What an id holds, or null when it is not an id of ours. */
export function decodeCallId(id: string): CallIdFields | null {
  if (id.length !== LENGTH || !id.startsWith(PREFIX)) return null
  const values: number[] = []
  let at = PREFIX.length
  for (const width of WIDTHS) {
    const value = fromBase62(id.slice(at, at + width))
    if (value === null) return null
    values.push(value)
    at += width
  }
  const [placedAtEpochMs, number, ringTimeoutSeconds, maxCallSeconds, textLength, waitForKeySeconds, hundredths, tie] =
    values as [number, number, number, number, number, number, number, number]
  if (hundredths === 0 || ringTimeoutSeconds === 0 || number < 10 || number >= 1e15) return null
  const speed = hundredths / 100
  const plan = { to: `+${number}`, ringTimeoutSeconds, maxCallSeconds, textLength, waitForKeySeconds, speed }
  return { placedAtEpochMs, plan, tie }
}

function toBase62(value: number, width: number): string {
  let text = ''
  let rest = value
  for (let place = 0; place < width; place++) {
    text = DIGITS[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  if (rest !== 0) throw new RangeError('A field of a call id is larger than its place')
  return text
}

function fromBase62(text: string): number | null {
  let value = 0
  for (const digit of text) {
    const digitValue = VALUES.get(digit)
    if (digitValue === undefined) return null
    value = value * 62 + digitValue
  }
  return value
}

function whole(value: number, lowest: number, highest: number): number {
  return Math.min(Math.max(Math.ceil(value), lowest), highest)
}
