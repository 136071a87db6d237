/** What will be spoken, and what the template asked for in vain. */
export interface Speech {
  readonly text: string
  /** Names of variables without a value, each once, in the order of the template. They are spoken as nothing. */
  readonly missing: readonly string[]
  /** Whether the text was cut at {@link SPEECH_CHARS_MAX}. */
  readonly truncated: boolean
}

/** Ten minutes of speech or so; longer ones are cut, since a value may hold anything. */
export const SPEECH_CHARS_MAX = 10_000

// Bounded lengths and no nesting: the time to scan a template grows with its length only.
const VARIABLE = /\{\{([^{}\r\n]{1,100})\}\}|\{([^{}\r\n]{1,100})\}/g
const BREAKS = /\r\n|[\r\u0085\u2028\u2029]/g
// Everything that is not spoken and could mislead a reader of logs: control characters, marks that reverse the
// direction of writing, byte order marks, and halves of characters.
const UNSPOKEN = /[\u202a-\u202e\u2066-\u2069\ufeff]|(?!\n)\p{Cc}|\p{Cs}/gu
/** Most texts are of these alone, and are spoken as they are. */
const PLAIN = /^[\x20-\x7e]*$/

/** A template, read once: texts as they are spoken, and the names of the variables between them. */
export type Template = readonly ({ readonly text: string } | { readonly name: string })[]

/** Reads `{first_name}`, `{{first_name}}`, and both with spaces inside the braces. */
export function parseTemplate(template: string): Template {
  const parts: Template[number][] = []
  let end = 0
  for (const match of template.matchAll(VARIABLE)) {
    const name = nameIn(match)
    if (name === '') continue
    parts.push({ text: withoutUnspoken(template.slice(end, match.index)) }, { name })
    end = match.index + match[0].length
  }
  parts.push({ text: withoutUnspoken(template.slice(end)) })
  return parts
}

/**
 * Puts a recipient's variables into a template. Texts, finite numbers and booleans can be spoken; any other value, or
 * none, leaves nothing behind and is reported. Values are put in once and never read as a template again. Control
 * characters are dropped (a tab becomes a space; line breaks become `\n`, or a space inside a value) and the text is cut
 * at {@link SPEECH_CHARS_MAX}.
 */
export function renderSpeech(template: Template, variables: Readonly<Record<string, unknown>>): Speech {
  let text = ''
  const missing: string[] = []
  for (const part of template) {
    // What comes after the cut is not even looked at, so many long values cost neither time nor memory.
    const isFull = text.length > SPEECH_CHARS_MAX
    if ('text' in part) {
      if (!isFull) text += part.text
      continue
    }
    const value = spokenValue(variables, part.name)
    if (value === null) {
      if (!missing.includes(part.name)) missing.push(part.name)
    } else if (!isFull) text += withoutUnspoken(value.slice(0, SPEECH_CHARS_MAX + 1)).replaceAll('\n', ' ')
  }
  const truncated = text.length > SPEECH_CHARS_MAX
  return { text: truncated ? cut(text, SPEECH_CHARS_MAX) : text, missing, truncated }
}

/** The names of the variables that a template uses, each once, in order. */
export function variablesUsedIn(template: string): string[] {
  const names = new Set<string>()
  for (const match of template.matchAll(VARIABLE)) names.add(nameIn(match))
  names.delete('')
  return [...names]
}

const OPENING_CHARS = 240
/** A name: something with a capital letter or a digit, or a variable that will hold it. */
const NAME = '(?:the |our |your )?(?:[\\p{Lu}\\p{N}]|\\{)'
const SAYS_WHO = [
  `\\b(?:[Tt]his is|[Ii]t is|[Ii]t['’]s|I am|I['’]m|[Mm]y name is|[Yy]ou are speaking (?:to|with)) ${NAME}`,
  `\\b(?:from|on behalf of|for) ${NAME}`,
  `(?:^|\\s)${NAME}[^.!?,]{0,60} is calling\\b`,
  `\\b(?:[Ss]oy|[Aa]quí|[Ll]e (?:habla|llama)|[Mm]e llamo|[Mm]i nombre es|de parte de|de la parte de) `,
  `\\b(?:[Jj]e suis|[Jj]e m['’]appelle|[Ii]ci|[Cc]['’]est|au nom de) ${NAME}`,
  `\\b(?:[Hh]ier (?:ist|spricht)|[Ii]ch bin|[Mm]ein Name ist|im Auftrag|im Namen) `,
  `\\b(?:[Aa]qui é|[Mm]eu nome é|[Ee]u sou|[Ff]alo d[aeo]|em nome d[aeo]) `,
  `\\b(?:[Ss]ono|[Mm]i chiamo|[Cc]hiamo da|per conto di|[Qq]ui è) `,
  `\\b(?:[Uu] spreekt met|[Mm]ijn naam is|[Ii]k ben|namens) `,
].map((pattern) => new RegExp(pattern, 'u'))
/** Words that follow "from" or "for" with a capital and name a time, not a caller. */
const TIMES =
  /\b(?:from|for|on) (?:the |your )?(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December|\d)/gu

/**
 * A warning when the first sentences of an announcement do not seem to say who is calling, else null. Many countries
 * ask for it by law, and people hang up on voices without a name. It is a guess by the usual turns of a few languages
 * written in Latin letters; other writing is never warned of.
 */
export function checkOpening(text: string): string | null {
  const opening = text.trim().slice(0, OPENING_CHARS).replace(TIMES, ' ')
  if (opening === '') return 'The announcement is empty: nothing would be spoken.'
  const withoutVariables = opening.replace(VARIABLE, '')
  if (/\p{L}/u.test(withoutVariables) && !/\p{Script=Latin}/u.test(withoutVariables)) return null
  if (SAYS_WHO.some((pattern) => pattern.test(opening))) return null
  return 'The announcement does not seem to begin by saying who is calling, for example "This is Acme Dental." Many countries require it.'
}

function nameIn(match: RegExpMatchArray): string {
  return (match[1] ?? match[2] ?? '').trim()
}

function spokenValue(variables: Readonly<Record<string, unknown>>, name: string): string | null {
  // Only what was sent counts: `constructor` and its like are no variables.
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null
  return typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : null
}

function withoutUnspoken(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(BREAKS, '\n').replaceAll('\t', ' ').replace(UNSPOKEN, '')
}

/** The first characters, never ending in half of one. */
function cut(text: string, chars: number): string {
  const last = text.charCodeAt(chars - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? chars - 1 : chars)
}
