/** What stands in the table for one kind of refusal. */
interface RequestErrorRow {
  readonly httpStatus: number
  readonly text: string
  readonly remedy: string
  readonly retryable?: true
}

/**
 * What can be wrong with a request before a command has seen it. Codes are part of the API like those of
 * `src/errors.ts`: one may be added, none may be given another meaning.
 */
const REQUEST_ERRORS = {
  'malformed-body': {
    httpStatus: 400,
    text: 'The body cannot be read.',
    remedy: 'Send a complete body of the content type that the request names.',
  },
  'file-missing': {
    httpStatus: 400,
    text: 'The form has no file.',
    remedy: 'Send multipart/form-data with a CSV file in a part called file, with a file name.',
  },
  'malformed-request': {
    httpStatus: 400,
    text: 'The request is not valid HTTP for this server.',
    remedy: 'Check the address and the headers of the request.',
  },
  'ambiguous-credentials': {
    httpStatus: 400,
    text: 'The request carries more than one credential of the same kind.',
    remedy: 'Send one Authorization header, or one X-API-KEY with one X-API-SECRET.',
  },
  'route-not-found': {
    httpStatus: 404,
    text: 'There is nothing at this address.',
    remedy: 'Compare the method and the path with the reference at /docs.',
  },
  'method-not-allowed': {
    httpStatus: 405,
    text: 'This address does not take this method.',
    remedy: 'Use one of the methods that the Allow header names.',
  },
  'request-timeout': {
    httpStatus: 408,
    text: 'The request did not arrive in time.',
    remedy: 'Send the request again over a faster connection, or send less at once.',
    retryable: true,
  },
  'body-too-large': {
    httpStatus: 413,
    text: 'The body is larger than this address takes.',
    remedy: 'Send the list in several requests.',
  },
  'uri-too-long': {
    httpStatus: 414,
    text: 'The address is too long.',
    remedy: 'Send a shorter path and query.',
  },
  'unsupported-media-type': {
    httpStatus: 415,
    text: 'This address does not take bodies of this content type.',
    remedy: 'Send the content type that the reference at /docs names, most often application/json.',
  },
  'unsupported-charset': {
    httpStatus: 415,
    text: 'Bodies are taken in UTF-8 only.',
    remedy: 'Encode the body as UTF-8 and name no other charset in Content-Type.',
  },
  'unsupported-encoding': {
    httpStatus: 415,
    text: 'Compressed bodies are not taken.',
    remedy: 'Send the body without Content-Encoding.',
  },
  'too-many-attempts': {
    httpStatus: 429,
    text: 'Too many requests with wrong keys came from this address.',
    remedy: 'Wait as many seconds as the Retry-After header says and use a valid key.',
    retryable: true,
  },
  'too-many-requests': {
    httpStatus: 429,
    text: 'This key sends more requests in a second than it may.',
    remedy: 'Wait as many seconds as the Retry-After header says, and send fewer at once.',
    retryable: true,
  },
  'too-many-watchers': {
    httpStatus: 429,
    text: 'Too many clients watch figures on this node.',
    remedy: 'Close other live displays, or read the batch from time to time instead.',
    retryable: true,
  },
  'headers-too-large': {
    httpStatus: 431,
    text: 'The headers of the request are too large.',
    remedy: 'Send fewer or shorter headers.',
  },
  internal: {
    httpStatus: 500,
    text: 'Something went wrong on our side.',
    remedy: 'Try again; if it stays, report the request id to whoever runs this installation.',
    retryable: true,
  },
  unavailable: {
    httpStatus: 503,
    text: 'The installation cannot answer at the moment.',
    remedy: 'Try again in a few seconds.',
    retryable: true,
  },
} as const satisfies Record<string, RequestErrorRow>

export type RequestErrorCode = keyof typeof REQUEST_ERRORS

export interface RequestErrorOptions {
  readonly message?: string
  readonly field?: string
  readonly remedy?: string
  /** Headers that the answer carries: `allow`, `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** A request that is refused before a command has seen it. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  readonly httpStatus: number
  readonly field: string | undefined
  readonly remedy: string
  readonly retryable: boolean
  readonly headers: Readonly<Record<string, string>>

  constructor(code: RequestErrorCode, options: RequestErrorOptions = {}) {
    const row: RequestErrorRow = REQUEST_ERRORS[code]
    super(options.message ?? row.text, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.httpStatus = row.httpStatus
    this.field = options.field
    this.remedy = options.remedy ?? row.remedy
    this.retryable = row.retryable === true
    this.headers = options.headers ?? {}
  }
}

/** Every refusal there is, for the reference page. */
export function describeRequestErrors(): readonly (RequestErrorRow & { readonly code: RequestErrorCode })[] {
  return (Object.keys(REQUEST_ERRORS) as RequestErrorCode[]).map((code) => ({ code, ...REQUEST_ERRORS[code] }))
}
