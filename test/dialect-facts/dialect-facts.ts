// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
export type Body = any

/** What an organization owns, by the name of the thing. Another organization names it and gets nothing. */
export interface Belongings {
  readonly organization: string
  readonly agent: string
  readonly trunk: string
  readonly number: string
  /** The number that `number` is the id of, as E.164. */
  readonly callerNumber: string
  readonly key: string
  readonly webhook: string
  readonly throttle: string
  readonly accountWebhook: string
  readonly batch: string
  readonly recipient: string
  readonly call: string
  readonly suppressed: string
  readonly erasure: string
}

/** What the tests of all wire formats need to know of one of them. */
export interface DialectFacts {
  /** The headers by which it knows a key of ours. */
  readonly keyHeaders: (token: string, organization: string) => Record<string, string>
  /** Headers that take the place of those, and are no key. */
  readonly noKeys: readonly Record<string, string>[]
  /** How a parameter of its paths is spelled, by name. */
  readonly spellings: Readonly<Record<string, (theirs: Belongings, url: string) => string>>
  /**
   * Names of its fields and of parameters of its paths that do not say what they stand for, each with a name that does:
   * `voice: 'agent'`, `list_id: 'batch_id'`, `phone: 'to'`. Generated requests then name things that are there.
   */
  readonly meanings?: Readonly<Record<string, string>>
  /** Bodies for those of its routes that look at the body before they look for what the path names. */
  readonly bodies?: Readonly<Record<string, object>>
  /** What it answers when the thing that is named is not there, if that is not 404. */
  readonly notFoundStatus?: number
  /** What it answers to bad fields and bodies, if that is not 400. */
  readonly badRequestStatus?: number
  /** Which field a refusal names, where that stands beside its words: as `recipients[0].to`. */
  readonly fieldsOf?: (body: Body) => readonly string[]
  /** The code of a refusal in the product's spelling, where the wire format has the product's codes. */
  readonly codeOf?: (body: Body) => string | undefined
  /** Whether the body of a refusal has its form. */
  readonly isRefusal: (body: Body) => boolean
  /** Whether that is what it says of an idempotency key that was used with another request. */
  readonly isKeyReused: (body: Body) => boolean
  /** Whether that is what it says of a key that asks too often. */
  readonly isTooOften: (body: Body) => boolean
  /** Something of its own to read. */
  readonly readPath: string
}
