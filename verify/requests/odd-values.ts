import type { Random } from '../random.ts'

/** Texts that have broken programs before. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  '\t\r\n',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udc00y',
  '\ufeff',
  '\u202eevil\u202c',
  'e\u0301'.repeat(300),
  '😀'.repeat(80),
  '＋１４１５５５５０１００',
  '../../etc/passwd',
  '%00',
  '%2e%2e/',
  "'; DROP TABLE batch; --",
  '$1',
  '\\',
  '{{7*7}}',
  `$${'{x}'}`,
  '<script>alert(1)</script>',
  'a\r\nX-Evil: 1',
  'null',
  'true',
  '-1',
  '1e400',
  '9007199254740993',
  '99999999999999999999',
  '2023-02-29T00:00:00Z',
  '+300000-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-06-30T23:59:60Z',
  '2030-01-01T00:00:00',
  'Mars/X',
  'FOO+5',
  '+05:30',
  'US/Eastern',
  '+1',
  '+14155550100;ext=5',
  'tel:+14155550100',
  'sip:attacker@example.com',
  '+1234567890123456',
  '911',
  '=HYPERLINK("x")',
  '__proto__',
  'constructor',
  'https://169.254.169.254/latest',
  'http://[::ffff:7f00:1]/',
  'file:///etc/passwd',
  'x'.repeat(300),
  'x'.repeat(70_000),
]

const NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  1.5,
  0.1,
  255,
  65_536,
  2_147_483_647,
  2_147_483_648,
  4_294_967_296,
  9_007_199_254_740_991,
  2 ** 53 + 2,
  -2_147_483_649,
  1e11,
  1e21,
  1e308,
  5e-324,
]

const KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  'organization_id',
  'status',
  'ultravox.x',
  'é',
  '\u0000',
  'x'.repeat(300),
]

export function oddText(random: Random): string {
  return TEXTS[random.below(TEXTS.length)]!
}

export function oddKey(random: Random): string {
  return KEYS[random.below(KEYS.length)]!
}

export function oddNumber(random: Random): number {
  return NUMBERS[random.below(NUMBERS.length)]!
}

/** Any JSON value, of any type and sometimes of any size. */
export function oddValue(random: Random): unknown {
  switch (random.below(9)) {
    case 0:
      return null
    case 1:
      return random.below(2) === 0
    case 2:
      return oddNumber(random)
    case 3:
      return []
    case 4:
      return {}
    case 5:
      return [oddText(random), oddNumber(random), null]
    case 6:
      return nested(random.below(60))
    case 7:
      return Array.from({ length: random.below(1_500) }, (_, at) => at)
    default:
      return oddText(random)
  }
}

function nested(depth: number): unknown {
  let value: unknown = 'deep'
  for (let at = 0; at < depth; at++) value = at % 2 === 0 ? [value] : { a: value }
  return value
}
