import { AppError } from '../errors.ts'
import { FormExcess } from './form-meter.ts'
import { RequestError } from './request-errors.ts'

/** The part that a file is taken from, in every wire format. */
export const FILE_FIELD = 'file'

const SHOWN_NAME_CHARS_MAX = 100
const SEND_WHOLE = 'Send a complete multipart/form-data body that ends with its last boundary.'
const NAME_THE_FILE = `Send a CSV file with a header row in a part called ${FILE_FIELD}, with a file name: Content-Disposition: form-data; name="${FILE_FIELD}"; filename="people.csv".`
const NAME_THE_PART = 'Give every part a Content-Disposition of form-data with a name.'

/** Something is wrong with one field of a form: `message` says what, after its name. */
export function fieldFault(name: string, message: string, remedy: string): RequestError {
  const field = shown(name)
  return new RequestError('malformed-body', { field, message: `${field} ${message}.`, remedy })
}

/** There is no file where one is needed; `message` says what there was instead. */
export function fileMissing(message: string, cause?: unknown): RequestError {
  return new RequestError('file-missing', { field: FILE_FIELD, message, remedy: NAME_THE_FILE, cause })
}

/** `ordinal` counts the parts of the form from 1. */
export function namelessPart(ordinal: number): RequestError {
  const message = `Part ${ordinal} of the form has no name.`
  return new RequestError('malformed-body', { message, remedy: NAME_THE_PART })
}

export function headlessParts(count: number): RequestError {
  const [parts, have] = count === 1 ? ['part', 'has'] : ['parts', 'have']
  const message = `${count} ${parts} of the form ${have} no Content-Disposition that can be read.`
  return new RequestError('malformed-body', { message, remedy: NAME_THE_PART })
}

export function noBoundary(): RequestError {
  return new RequestError('malformed-body', {
    message: 'The Content-Type of the form names no boundary of 1 to 70 characters.',
    remedy: 'Let the client library write the Content-Type of a form, or add to it the boundary that the body uses.',
  })
}

/** Of `bytesMax` bytes beside the contents of the parts. */
export function overheadFault(bytesMax: number): RequestError {
  return new RequestError('malformed-body', {
    message: `The form has more than ${bytesMax} bytes in headers of parts and outside of parts.`,
    remedy: 'Send shorter headers, and nothing before the first boundary or behind the last one.',
  })
}

export interface FaultContext {
  readonly partsMax: number
  readonly overheadBytesMax: number
  /** A name that the parser refused. */
  readonly refusedName: string | undefined
}

/** What an error while a form was read means. What is no fault of the form is returned as it is. */
export function faultOf(error: unknown, context: FaultContext): unknown {
  if (error instanceof RequestError || error instanceof AppError || !(error instanceof Error)) return error
  if (error instanceof FormExcess) return overheadFault(context.overheadBytesMax)
  switch ((error as { code?: unknown }).code) {
    case 'FST_PARTS_LIMIT':
    case 'FST_FILES_LIMIT':
      return new RequestError('body-too-large', {
        message: `The form has more than ${context.partsMax} parts.`,
        remedy: `Send one file and at most ${context.partsMax - 1} fields.`,
      })
    case 'FST_PROTO_VIOLATION':
      return fieldFault(context.refusedName ?? '', 'is a name that no field may have', 'Give the field another name.')
    case 'FST_MP_PREMATURE_CLOSE':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'ECONNRESET':
    case 'ECONNABORTED':
      return incomplete('The connection ended before the form did.', error)
    case undefined:
      // The parser has no codes; each of its sentences names what it reads.
      return /\bmultipart\b/i.test(error.message) ? incomplete('The form ends before its last boundary.', error) : error
    default:
      return error
  }
}

function incomplete(message: string, cause: unknown): RequestError {
  return new RequestError('malformed-body', { message, remedy: SEND_WHOLE, cause })
}

/** A name as the client wrote it may be long and hold anything. */
export function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, SHOWN_NAME_CHARS_MAX)
}
