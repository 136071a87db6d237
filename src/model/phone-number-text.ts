/** Why a text is not a number that can be called. */
export type NumberReason =
  | 'empty'
  | 'not-a-number'
  | 'letters'
  | 'extension'
  | 'several-numbers'
  | 'scientific-notation'
  | 'too-short'
  | 'too-long'
  | 'short-code'
  | 'no-country'
  | 'unknown-calling-code'
  | 'invalid-for-country'

export interface NumberProblem {
  readonly ok: false
  readonly reason: NumberReason
  /** What to do about it, for the person who wrote the number. */
  readonly remedy: string
}

/** The digits a text holds and whether it says that they begin with a calling code. */
export interface WrittenNumber {
  readonly ok: true
  readonly international: boolean
  readonly digits: string
  readonly repaired?: 'national-prefix' | 'spreadsheet-notation' | 'international-prefix'
}

const LONGEST_TEXT = 100
/** Marks that messengers and address books put around a number they copy, none of which can be seen. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g
const OTHER_DIGITS = /[\uff10-\uff19\u0660-\u0669\u06f0-\u06f9]/g
const SEPARATORS = /[\s\-\u2010-\u2015\u2212\uff0d./\uff0f()\uff08\uff09[\]~·_]+/g
const SCIENTIFIC = /^\+?(\d+)(?:[.,](\d+))?[eE]\+?(\d{1,2})$/
const EXTENSION = /(?:[;,]|\s*(?:ext(?:ension|n)?\b\.?|x|#)\s*\d|;ext=|\d\s*[pw]\d)/i

export function problem(reason: NumberReason, remedy: string): NumberProblem {
  return { ok: false, reason, remedy }
}

/**
 * Takes from a text what is not part of the number (punctuation, `tel:`, the apostrophe and the `="…"` of
 * spreadsheets, `(0)` behind a country code) and says what is left. Never throws; slow texts are cut off by length.
 */
export function readNumberText(text: string): WrittenNumber | NumberProblem {
  if (text.length > LONGEST_TEXT) return problem('not-a-number', 'Write one telephone number and nothing else.')
  const visible = text
    .replace(INVISIBLE, '')
    .replace(OTHER_DIGITS, (digit) => String(digitValue(digit)))
    .replace(/^\s*=?\s*"(.*)"\s*$/, '$1')
    .replace(/^[\s'\u2018\u2019`]+|[\s'\u2018\u2019`]+$/g, '')
    .replace(/^(?:tel|callto):/i, '')
    .replace('\uff0b', '+')
  if (visible === '') return problem('empty', 'Write a telephone number with + and country code.')
  const spreadsheet = fromSpreadsheet(visible)
  if (spreadsheet) return spreadsheet
  const wrong = whyNotDigits(visible)
  if (wrong) return wrong
  return separate(visible)
}

function digitValue(digit: string): number {
  const code = digit.charCodeAt(0)
  return code >= 0xff10 ? code - 0xff10 : code >= 0x06f0 ? code - 0x06f0 : code - 0x0660
}

function fromSpreadsheet(text: string): WrittenNumber | NumberProblem | undefined {
  // A column of numbers with a gap in it is written by many programs as decimals: 14155550123.0
  const decimal = /^(\+?)(\d{7,15})[.,]0{1,2}$/.exec(text)
  if (decimal) {
    return { ok: true, international: decimal[1] === '+', digits: decimal[2]!, repaired: 'spreadsheet-notation' }
  }
  const scientific = SCIENTIFIC.exec(text)
  if (!scientific) return undefined
  const [, whole = '', fraction = '', exponent = ''] = scientific
  // Only when every digit is still there can the number be told; 1.41556E+10 stands for a hundred thousand numbers.
  if (whole.length === 1 && fraction.length === Number(exponent)) {
    const international = text.startsWith('+')
    return { ok: true, international, digits: whole + fraction, repaired: 'spreadsheet-notation' }
  }
  return problem(
    'scientific-notation',
    'A spreadsheet has shortened this number and its last digits are lost. Format the column as text and export it again from the original list.',
  )
}

function whyNotDigits(text: string): NumberProblem | undefined {
  if (/@|^sips?:/i.test(text)) return problem('not-a-number', 'This is an address. Write a telephone number.')
  if (/\+.*\+/.test(text)) return problem('several-numbers', 'Write one number per field.')
  if (!/\d/.test(text)) return problem('not-a-number', 'Write a telephone number with + and country code.')
  if (EXTENSION.test(text)) {
    return problem('extension', 'Extensions and keys to press cannot be dialled. Write a number that rings the person.')
  }
  if (/\p{L}/u.test(text)) return problem('letters', 'Write the number with digits only.')
  return undefined
}

function separate(text: string): WrittenNumber | NumberProblem {
  const plus = /^[\s(\uff08[]*\+/.exec(text)
  const body = plus ? text.slice(plus[0].length) : text
  const trunkZero = plus !== null || /^\s*00/.test(text) ? body.replace(/[(\uff08[]\s*0\s*[)\uff09\]]/, '') : body
  const digits = trunkZero.replace(SEPARATORS, '')
  if (!/^\d+$/.test(digits) || /^[\s]*[-\u2010-\u2015\u2212]/.test(body)) {
    return problem('not-a-number', 'Write a telephone number with + and country code, and nothing else.')
  }
  const repaired = trunkZero === body ? undefined : ('national-prefix' as const)
  if (plus && digits.startsWith('00')) {
    return { ok: true, international: true, digits: digits.slice(2), repaired: 'international-prefix' }
  }
  return { ok: true, international: plus !== null, digits, repaired }
}
