/** Where in a body of a wire format things can be put that belong in no body. */
export interface WholeBody {
  /** As it would be taken: JSON whose first brace opens the body, and in which the word `spring` is a value. */
  readonly text: string
  /** The beginning of an object inside of it that takes any fields, with its brace. */
  readonly open: string
  /** A field that takes a number. */
  readonly count: string
}

/** Bodies that no wire format may take, each with what is wrong with it; nothing may be stored of any. */
export function brokenBodies({ text, open, count }: WholeBody): readonly (readonly [what: string, body: string])[] {
  for (const place of ['spring', open]) if (!text.includes(place)) throw new Error(`${text} has no ${place}`)
  return [
    ['is missing', ''],
    ['is null', 'null'],
    ['is a list', '[]'],
    ['is a text', '"x"'],
    ['is a number', '42'],
    ['has a comma too many', text.replace('}', ',}')],
    ['is cut off', text.slice(0, -5)],
    ['begins with a byte order mark', `\uFEFF${text}`],
    ['reaches a prototype', text.replace('{', '{"__proto__":{"x":1},')],
    ['reaches one deep inside', text.replace(open, `${open}"constructor":{"prototype":1},`)],
    ['holds NUL', text.replace('spring', 'a\\u0000b')],
    ['holds half a character', text.replace('spring', 'a\\ud800b')],
    ['is nested without end', text.replace(open, `${open}"x":${'['.repeat(5_000)}`)],
    ['holds a number that is none', text.replace('{', `{"${count}":1e400,`)],
  ]
}
