import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkOpening, parseTemplate, renderSpeech, SPEECH_CHARS_MAX, variablesUsedIn } from './speech.ts'

function spoken(template: string, variables: Record<string, unknown> = {}): string {
  return renderSpeech(parseTemplate(template), variables).text
}

describe('a spoken text', () => {
  it('holds the variables in either spelling of braces, with or without spaces', () => {
    const variables = { first_name: 'Ada', 'Appointment Date': '3 May', größe: 2, 'a.b-c': true }
    expect(spoken('Hi {first_name}, {{first_name}}, { first_name }, {{  first_name\t}}.', variables)).toBe(
      'Hi Ada, Ada, Ada, Ada.',
    )
    expect(spoken('{Appointment Date} {größe} {a.b-c}', variables)).toBe('3 May 2 true')
    expect(spoken('{{{first_name}}} {first_name}}', variables)).toBe('{Ada} Ada}')
  })

  it('says nothing for what is not there, and reports it once', () => {
    const values = { empty: '', nothing: null, list: ['a'], far: Number.POSITIVE_INFINITY }
    const template = '[{empty}][{nothing}][{list}][{far}][{none}][{{ none }}][{constructor}][{__proto__}]'
    expect(renderSpeech(parseTemplate(template), values)).toEqual({
      text: '[][][][][][][][]',
      missing: ['nothing', 'list', 'far', 'none', 'constructor', '__proto__'],
      truncated: false,
    })
  })

  it('holds only what was sent, not what an object inherits', () => {
    expect(renderSpeech(parseTemplate('{a}'), Object.create({ a: 'inherited' }))).toEqual({
      text: '',
      missing: ['a'],
      truncated: false,
    })
  })

  it('leaves braces alone that hold no name', () => {
    for (const text of ['{}', '{{}}', '{ }', 'a { b', 'a } b', '}{', '{a\nb}', `{${'x'.repeat(101)}}`]) {
      expect(renderSpeech(parseTemplate(text), { a: 1 })).toEqual({ text, missing: [], truncated: false })
    }
  })

  it('never reads a value as a template, or as a pattern of replacement', () => {
    expect(spoken('{a} {b}', { a: '{b}', b: '{{a}}' })).toBe('{b} {{a}}')
    expect(spoken('{a}', { a: "$& $1 $$ $'" })).toBe("$& $1 $$ $'")
    expect(spoken('{{a}b}', { a: '{', b: 'no' })).toBe('{{b}')
  })

  it('drops control characters, marks of direction and halves of characters', () => {
    expect(spoken('a\u0000b\u001b[31m\tc\r\nd\u2028e\rf', {})).toBe('ab[31m c\nd\ne\nf')
    expect(spoken('{v}', { v: 'x\ny\u202ez\ufeff\u007f\u0085w\ud800' })).toBe('x yz w')
    expect(spoken('{v}', { v: 'नमस्ते 👩‍🚀 می‌خواهم' })).toBe('नमस्ते 👩‍🚀 می‌خواهم')
  })

  it('is cut at its limit, never inside a character', () => {
    const exact = 'x'.repeat(SPEECH_CHARS_MAX)
    expect(renderSpeech(parseTemplate(exact), {})).toEqual({ text: exact, missing: [], truncated: false })
    expect(renderSpeech(parseTemplate(`${exact}y{later}`), {})).toEqual({
      text: exact,
      missing: ['later'],
      truncated: true,
    })
    const odd = renderSpeech(parseTemplate('x{faces}'), { faces: '😀'.repeat(6_000) })
    expect(odd.text).toHaveLength(SPEECH_CHARS_MAX - 1)
    expect(odd.text.endsWith('😀')).toBe(true)
    const huge = renderSpeech(parseTemplate('{v}'.repeat(100_000)), { v: 'x'.repeat(1_000_000) })
    expect(huge).toEqual({ text: exact, missing: [], truncated: true })
  })

  it('takes time that grows with the length of the template only', () => {
    const started = performance.now()
    for (const hostile of ['{', '{{', '{a', '{ ', '{{a}']) spoken(hostile.repeat(200_000), { a: 1 })
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('is itself when the template has no braces, and holds any value as it is', () => {
    const plain = fc
      .string({ unit: 'grapheme' })
      .filter((text) => !/[{}\p{Cc}\u2028-\u202e\u2066-\u2069\ufeff]/u.test(text))
    fc.assert(
      fc.property(plain, plain, fc.string(), (before, after, value) => {
        expect(spoken(before + after)).toBe(before + after)
        const clean = value.replace(/[\p{Cc}]/gu, '')
        expect(spoken(`${before}{v}${after}`, { v: clean })).toBe(before + clean + after)
      }),
    )
  })
})

describe('the variables of a template', () => {
  it('are named once each, in order', () => {
    expect(variablesUsedIn('{b} {{ a }} {b} {} { } {{c d}}')).toEqual(['b', 'a', 'c d'])
    expect(variablesUsedIn('no braces')).toEqual([])
  })

  it('are exactly those that are missing when there are none', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', ' ', 'a', 'b', '\n') }), (template) => {
        expect(renderSpeech(parseTemplate(template), {}).missing).toEqual(variablesUsedIn(template))
      }),
    )
  })
})

describe('an opening', () => {
  const named = [
    'Hello {first_name}, this is Acme Dental with a reminder.',
    'Hi, it’s Mia from the clinic.',
    'Hello, I am calling on behalf of {{company}}.',
    'This is a call from {{company}}.',
    'Acme Dental is calling about your appointment.',
    '{company} is calling about your appointment.',
    'Hola, soy Ana de la clínica.',
    'Bonjour, ici Acme Dentaire.',
    'Guten Tag, hier ist die Praxis Müller.',
    'Olá, aqui é a clínica.',
    'Buongiorno, sono Anna.',
    'Goedemiddag, u spreekt met Acme.',
    'नमस्ते {first_name}, मैं क्लिनिक से बोल रही हूँ।',
  ]
  const nameless = [
    'Hello {first_name}, your appointment is tomorrow.',
    'This is a reminder that your rent is due.',
    'Your table is booked from Monday for 4 people.',
    'Hello Ada, we are calling about your bill, and someone is calling again.',
    'Hi! We have an offer you will love.',
    '{first_name}',
  ]

  it.each(named)('that says who is calling passes: %s', (text) => {
    expect(checkOpening(text)).toBeNull()
  })

  it.each(nameless)('that does not is warned of: %s', (text) => {
    expect(checkOpening(text)).toMatch(/who is calling/)
  })

  it('counts only when it comes early', () => {
    expect(checkOpening(`${'We have news for you. '.repeat(20)}This is Acme.`)).toMatch(/who is calling/)
  })

  it('must not be empty', () => {
    expect(checkOpening(' \n')).toMatch(/empty/)
  })
})
