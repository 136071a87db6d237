export type RecipientFileErrorCode =
  | 'empty-file'
  | 'no-phone-column'
  | 'duplicate-header'
  | 'too-many-columns'
  | 'bad-header'
  | 'not-a-csv'
  | 'unclosed-quote'
  | 'record-too-large'

/** A fault of a whole file, after which none of it can be used. Faults of single rows are reported as rejected rows. */
export class RecipientFileError extends Error {
  readonly code: RecipientFileErrorCode
  /** What the person who made the file can do, as a sentence. */
  readonly remedy: string

  constructor(code: RecipientFileErrorCode, message: string, remedy: string) {
    super(message)
    this.name = 'RecipientFileError'
    this.code = code
    this.remedy = remedy
  }
}
