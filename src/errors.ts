import { format } from 'node:util'

/** What stands in the table for one kind of error. `%s` in the text takes the arguments in order. */
interface ErrorRow {
  readonly httpStatus: number
  readonly text: string
  /** What to do about it, where the place that throws knows nothing better. */
  readonly remedy: string
  /** The same request may work a moment later without being changed. */
  readonly retryable?: true
}

/**
 * Every error a caller can meet, by its code. A code is part of the API: one may be added, none may be given another
 * meaning or be used again.
 */
const ERRORS = {
  unauthenticated: {
    httpStatus: 401,
    text: 'No valid API key was given.',
    remedy: 'Send a key of this installation that has not been revoked.',
  },
  forbidden: { httpStatus: 403, text: 'This key may not do that.', remedy: 'Use a key that has the right.' },
  'key-may-only-read': {
    httpStatus: 403,
    text: 'This key may read and change nothing.',
    remedy: 'Use a key whose access is full.',
  },
  'wrong-workspace': {
    httpStatus: 403,
    text: 'The key does not belong to this workspace.',
    remedy: 'Send the id of the organization that the key belongs to, or an alias of it.',
  },

  'link-invalid': {
    httpStatus: 401,
    text: 'This link opens nothing.',
    remedy: 'Use the link exactly as it was given, or read it with a key.',
  },
  'link-expired': {
    httpStatus: 401,
    text: 'The time of this link is over.',
    remedy: 'Read the batch again: it comes with a new link.',
  },

  'invalid-input': { httpStatus: 400, text: '%s', remedy: 'Correct the field and send the request again.' },
  'invalid-cursor': {
    httpStatus: 400,
    text: 'The cursor was not made for this list.',
    remedy: 'Send a cursor as it came with the page before, or none to begin.',
  },
  'invalid-calling-window': {
    httpStatus: 400,
    text: 'The calling window cannot be used: %s.',
    remedy: 'Correct the calling window and send the request again.',
  },
  'invalid-retry-policy': {
    httpStatus: 400,
    text: 'The retry policy cannot be used: %s.',
    remedy: 'Correct the retry policy and send the request again.',
  },
  'invalid-settings': {
    httpStatus: 400,
    text: 'These settings do not fit %s: %s.',
    remedy: 'Correct the settings and send the request again.',
  },
  'invalid-number': {
    httpStatus: 400,
    text: '%s is not a telephone number that can be used here.',
    remedy: 'Write the number as + and 7 to 15 digits without spaces, for example +14155550123.',
  },
  'invalid-recipients': {
    httpStatus: 400,
    text: '%s of the recipients cannot be used.',
    remedy: 'Correct the recipients that are listed; nothing was stored.',
  },
  'no-recipients': {
    httpStatus: 400,
    text: 'The list has no recipients.',
    remedy: 'Send at least one recipient.',
  },
  'no-good-row': {
    httpStatus: 400,
    text: 'No row of the file can be called; %s rows are bad.',
    remedy: 'Correct the rows that are listed; nothing was stored.',
  },
  'bad-rows-refused': {
    httpStatus: 400,
    text: '%s rows of the file are bad, and the request asks to refuse such a file.',
    remedy: 'Correct the rows that are listed; nothing was stored.',
  },
  'file-unreadable': {
    httpStatus: 400,
    text: 'The file cannot be read: %s',
    remedy: 'Send a CSV file with a header row.',
  },
  'file-too-large': {
    httpStatus: 413,
    text: 'The file is larger than %s bytes.',
    remedy: 'Send the list in several files.',
  },
  'unsupported-file': {
    httpStatus: 415,
    text: 'This is not a CSV file: %s',
    remedy: 'Export the list as CSV and send that.',
  },
  'no-caller-number': {
    httpStatus: 400,
    text: 'No number is known from which to call.',
    remedy: 'Name a caller number in the batch, or give the agent or the organization a default number.',
  },
  'caller-not-owned': {
    httpStatus: 400,
    text: 'The caller number is not one of the organization.',
    remedy: 'Add the number to the organization with its trunk, or name one of its numbers.',
  },
  'start-in-past': {
    httpStatus: 400,
    text: 'The start lies in the past.',
    remedy: 'Send a start in the future, or none to start now.',
  },
  'expiry-before-start': {
    httpStatus: 400,
    text: 'The batch would expire before it can start.',
    remedy: 'Send an expiry after the start and in the future, or none.',
  },
  'window-too-short': {
    httpStatus: 400,
    text: 'The minimum window for %s calls is %s, and this one has %s seconds.',
    remedy: 'Send a later end, fewer calls, or have the limits of the organization or of its trunks raised.',
  },
  'concurrency-above-limit': {
    httpStatus: 400,
    text: 'The organization may have at most %s calls at once.',
    remedy: 'Ask for at most that many, or have the limit of the organization raised.',
  },
  'unknown-carrier': {
    httpStatus: 400,
    text: 'There is no carrier %s.',
    remedy: 'Name a carrier of this version.',
  },
  'daily-limit': {
    httpStatus: 429,
    text: '%s may have at most %s people called on a day of UTC, and this would be more.',
    remedy: 'Send fewer people, wait for the next day, or have the limit raised by whoever runs the installation.',
  },
  'agent-unbound': {
    httpStatus: 400,
    text: 'The agent %s has no voice yet: nobody has said who speaks for it.',
    remedy:
      'Bind it: PATCH /carillon/v1/agents/{id} with a kind and its settings, such as {"kind":"announcement","settings":{"text":"Hello {name}"}}.',
  },
  'unknown-agent-kind': {
    httpStatus: 400,
    text: 'There is no kind of agent %s.',
    remedy: 'Name a kind of agent of this version.',
  },
  'unknown-webhook-form': {
    httpStatus: 400,
    text: 'There is no wire form of webhooks called %s.',
    remedy: 'Name a wire form of this version, or none for the native one.',
  },
  'target-refused': {
    httpStatus: 400,
    text: 'This address cannot be used: %s.',
    remedy:
      'Use an https address on port 443 or 8443 that everyone can reach, or have its network added to CARILLON_ALLOW_PRIVATE_TARGETS.',
  },
  'outcome-not-retryable': {
    httpStatus: 400,
    text: 'Nobody is called again after the outcome %s.',
    remedy: 'Name outcomes after which a person may be called again.',
  },
  'weak-credential': {
    httpStatus: 400,
    text: 'A key needs 20 to 200 printable characters without spaces.',
    remedy: 'Choose a longer random text.',
  },

  'organization-not-found': notFound('organization'),
  'credential-not-found': notFound('API key'),
  'trunk-not-found': notFound('trunk'),
  'number-not-found': notFound('number'),
  'agent-not-found': notFound('agent'),
  'batch-not-found': notFound('batch'),
  'recipient-not-found': notFound('recipient'),
  'call-not-found': notFound('call'),
  'throttle-not-found': notFound('throttle'),
  'webhook-not-found': notFound('webhook'),
  'delivery-not-found': notFound('delivery'),
  'erasure-not-found': notFound('erasure'),

  'not-joinable': {
    httpStatus: 501,
    text: 'The call cannot be joined: %s',
    remedy: 'Make calls of a kind that this server places itself.',
  },
  'call-taken': {
    httpStatus: 409,
    text: 'Somebody else has joined this call.',
    remedy: 'A call takes one caller; ask for another call.',
  },
  'call-not-ready': {
    httpStatus: 409,
    text: 'This call is not placed yet.',
    remedy: 'Join a call when the webhook tells of it, or wait until the limits let it be placed.',
    retryable: true,
  },
  'call-elsewhere': {
    httpStatus: 421,
    text: 'This call waits at another server of this installation.',
    remedy:
      'Use the address that came with the webhook. Where several servers stand behind one address, give each its own with CARILLON_NODE_URL.',
    retryable: true,
  },
  'websocket-needed': {
    httpStatus: 426,
    text: 'This call is joined over a WebSocket.',
    remedy: 'Connect to the address with a WebSocket client.',
  },
  'call-not-live': {
    httpStatus: 409,
    text: 'The call is over.',
    remedy: 'Nothing has to be ended; read the call to see how it went.',
  },
  'call-not-over': {
    httpStatus: 409,
    text: 'The call is not over, or its person is to be called again.',
    remedy: 'End the call or wait for its end, and cancel the batch where it would be tried again; then ask again.',
  },
  'batch-status-conflict': {
    httpStatus: 409,
    text: 'A batch that is %s cannot be asked to %s.',
    remedy: 'Read the batch again to see its status.',
  },
  'batch-expired': {
    httpStatus: 409,
    text: 'The time of this batch is over.',
    remedy: 'Give the batch a later expiry first, or none.',
  },
  'alias-taken': {
    httpStatus: 409,
    text: 'The alias %s stands for something else already.',
    remedy: 'Choose another alias, or remove the one there is.',
  },
  'throttle-taken': {
    httpStatus: 409,
    text: 'The organization has a throttle called %s already.',
    remedy: 'Choose another name, or change the throttle there is.',
  },
  'throttle-in-use': {
    httpStatus: 409,
    text: 'Batches that may still call are under the throttle %s.',
    remedy: 'Name another throttle in those batches, or wait for their end.',
  },
  'number-taken': {
    httpStatus: 409,
    text: 'The organization has this number already.',
    remedy: 'Use the number that is there.',
  },
  'number-in-use': {
    httpStatus: 409,
    text: 'The number is the default number of %s.',
    remedy: 'Give another default number first.',
  },
  'credential-taken': {
    httpStatus: 409,
    text: 'This key is in use already.',
    remedy: 'Choose another key.',
  },
  'idempotency-key-reused': {
    httpStatus: 422,
    text: 'This idempotency key was used with another request.',
    remedy: 'Use a new key for a new request.',
  },
  'request-in-progress': {
    httpStatus: 409,
    text: 'The first request with this idempotency key is still at work.',
    remedy: 'Send the same request again in a few seconds.',
    retryable: true,
  },
} as const satisfies Record<string, ErrorRow>

function notFound(thing: string) {
  return {
    httpStatus: 404,
    text: `There is no such ${thing}.`,
    remedy: 'Compare the id with the one that was returned when it was made.',
  } as const
}

export type ErrorCode = keyof typeof ERRORS

/** One of several things that are wrong with a request. */
export interface ErrorDetail {
  /** Where: a path such as `recipients[3].to`, or `line 17`. */
  readonly path: string
  readonly message: string
  readonly remedy?: string
}

export interface AppErrorOptions {
  /** Take the places of `%s` in the text, in order. */
  readonly args?: readonly (string | number)[]
  /** The field of the request that is wrong, as a path such as `callingWindow.ranges[0]`. */
  readonly field?: string
  readonly remedy?: string
  readonly details?: readonly ErrorDetail[]
  /** The same may work so much later: the answer says so in Retry-After. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** A refusal that the caller is told about. Anything else that is thrown is a fault of ours. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly httpStatus: number
  readonly retryable: boolean
  readonly field: string | undefined
  readonly remedy: string
  readonly details: readonly ErrorDetail[] | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const row: ErrorRow = ERRORS[code]
    super(format(row.text, ...(options.args ?? [])), options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.httpStatus = row.httpStatus
    this.retryable = row.retryable === true
    this.field = options.field
    this.remedy = options.remedy ?? row.remedy
    this.details = options.details
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** A field that does not fit: `message` says what it must be. */
export function invalidInput(field: string, message: string): AppError {
  return new AppError('invalid-input', { field, args: [`${field} ${message}.`] })
}

/** Every error there is, for the reference page. */
export function describeErrors(): readonly (ErrorRow & { readonly code: ErrorCode })[] {
  return (Object.keys(ERRORS) as ErrorCode[]).map((code) => ({ code, ...ERRORS[code] }))
}
