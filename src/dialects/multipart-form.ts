import { createHash, type Hash } from 'node:crypto'
import multipart, { type Multipart } from '@fastify/multipart'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import {
  FILE_FIELD,
  faultOf,
  fieldFault,
  fileMissing,
  headlessParts,
  namelessPart,
  noBoundary,
  overheadFault,
  shown,
} from './form-faults.ts'
import { FormMeter } from './form-meter.ts'
import { HeldUpload, uploadMemory } from './upload-memory.ts'

/** A form with one file. */
export interface Form {
  /** Plain fields by name. */
  readonly fields: ReadonlyMap<string, string>
  readonly file: FormFile
}

/** What came in the part `file`. */
export interface FormFile {
  /** As the client wrote it: a name to show, never a path. */
  readonly name: string
  readonly byteLength: number
  /** Can be read once, until the request was answered. */
  readonly bytes: AsyncIterable<Buffer>
}

export interface FormLimits {
  readonly fileBytesMax: number
}

const FIELDS_MAX = 30
const PARTS_MAX = FIELDS_MAX + 1
const FIELD_BYTES_MAX = 65_536
const HEADERS_OF_A_PART_MAX = 100
/** Boundaries, headers of parts, and what stands outside of parts. */
const OVERHEAD_BYTES_MAX = 131_072
const NAME_LENGTH_MAX = 255
/** 1 to 70 characters, as RFC 2046 allows, with or without quotes. */
const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)/i
const PLAIN_ENCODING = /^(?:7bit|8bit|binary)?$/
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/

/**
 * A header is cut off only where the form has too many bytes in headers anyway, and is refused. Apart from the other
 * limits because the parser's types do not name it; the parser takes it (`@fastify/busboy`, `HeaderParser`).
 */
const HEADER_LIMIT = { headerSize: OVERHEAD_BYTES_MAX }

/** Lets the routes of a scope take `multipart/form-data`; read it with {@link readForm}. */
export async function takeForms(scope: FastifyInstance): Promise<void> {
  await scope.register(multipart, {
    limits: {
      files: PARTS_MAX,
      parts: PARTS_MAX,
      headerPairs: HEADERS_OF_A_PART_MAX,
      ...HEADER_LIMIT,
    },
    throwFileSizeLimit: false,
  })
}

/**
 * Reads a whole form; its fields may stand before or after the file. A field of any content type is read as UTF-8
 * text. Leaves on `request.bodyHash` a hash over the parts in their order (name and bytes), so that it is the same
 * whatever the boundary was.
 *
 * The file is held in memory until it was read, and is not passed on while it arrives: an `Idempotency-Key` is compared
 * with all parts before anything is done, and a field behind the file may still change what is done with it. What all
 * uploads of the process hold together is limited; see `docs/decisions/0007-uploads-are-read-whole.md`. Whatever
 * becomes of the request, the memory is free when it was answered or its connection ended.
 *
 * @throws RequestError `malformed-body` or `file-missing` that names the part, `body-too-large` for too many parts,
 * `unavailable` when too much is being uploaded; AppError `file-too-large`.
 */
export async function readForm(request: FastifyRequest, reply: FastifyReply, limits: FormLimits): Promise<Form> {
  if (!request.isMultipart()) throw fileMissing('The body is not multipart/form-data.')
  const boundary = boundaryOf(request)
  const declared = request.headers['content-length']
  const bodyBytesMax = limits.fileBytesMax + FIELDS_MAX * FIELD_BYTES_MAX + OVERHEAD_BYTES_MAX
  if (Number(declared ?? 0) > bodyBytesMax) throw tooLarge(limits.fileBytesMax)

  const held = new HeldUpload(uploadMemory)
  // A response that was sent without a connection, as tests do, has no close.
  for (const end of ['finish', 'close'] as const) reply.raw.once(end, () => held.forget())
  const meter = new FormMeter(request.raw, { boundary, overheadBytesMax: OVERHEAD_BYTES_MAX })
  try {
    return await new FormReading({ limits, held, meter }).read(request)
  } catch (error) {
    held.forget()
    request.raw.unpipe()
    const { refusedName } = meter
    throw faultOf(error, { partsMax: PARTS_MAX, overheadBytesMax: OVERHEAD_BYTES_MAX, refusedName })
  } finally {
    meter.stop()
  }
}

function boundaryOf(request: FastifyRequest): string {
  const [, quoted, bare] = BOUNDARY.exec(request.headers['content-type'] ?? '') ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) throw noBoundary()
  return boundary
}

type Part = Extract<Multipart, { type: 'file' }>

interface FormReadingOptions {
  readonly limits: FormLimits
  readonly held: HeldUpload
  readonly meter: FormMeter
}

/** One reading of one form. */
class FormReading {
  readonly #limits: FormLimits
  readonly #held: HeldUpload
  readonly #meter: FormMeter
  readonly #hash: Hash = createHash('sha256')
  readonly #fields = new Map<string, string>()
  #fileName: string | undefined

  constructor({ limits, held, meter }: FormReadingOptions) {
    this.#limits = limits
    this.#held = held
    this.#meter = meter
  }

  async read(request: FastifyRequest): Promise<Form> {
    const parts = request.parts({
      // One byte more than allowed is let through, to tell what just fits from what does not. The parser cuts fields off
      // at the same length as files, without a word.
      limits: { fileSize: Math.max(this.#limits.fileBytesMax, FIELD_BYTES_MAX) + 1 },
      // All parts come as bytes: the parser would make objects of those whose type is JSON.
      isPartAFile: (name) => {
        this.#meter.notePart(name)
        return true
      },
    })
    for (let ordinal = 1; ; ordinal++) {
      const next = await Promise.race([parts.next(), this.#meter.excess])
      if (next.done === true) break
      await this.#take(next.value as Part, ordinal)
    }
    if (this.#meter.overheadBytes > OVERHEAD_BYTES_MAX) throw overheadFault(OVERHEAD_BYTES_MAX)
    if (this.#meter.headlessParts > 0) throw headlessParts(this.#meter.headlessParts)
    const file = this.#file()
    request.bodyHash = this.#hash.digest()
    return { fields: this.#fields, file }
  }

  async #take(part: Part, ordinal: number): Promise<void> {
    const { fieldname: name, mimetype } = part
    // The types of the parser promise what a client need not send.
    const fileName = part.filename as string | undefined
    if ((name as string | undefined) === undefined || name === '') throw namelessPart(ordinal)
    if (name.includes('\0')) throw fieldFault(name, 'has the character U+0000 in its name', 'Send the name without it.')
    if (!PLAIN_ENCODING.test(part.encoding)) {
      const message = `is sent with the Content-Transfer-Encoding ${shown(part.encoding)}`
      throw fieldFault(name, message, 'Send the bytes as they are, without Content-Transfer-Encoding.')
    }
    if (name === FILE_FIELD && fileName === undefined) throw fileMissing(`The part ${FILE_FIELD} has no file name.`)
    // Browsers and libraries send JSON that is built as a Blob with a file name.
    if (name === FILE_FIELD || (fileName !== undefined && !JSON_TYPE.test(mimetype))) {
      await this.#takeFile(part, fileName ?? '')
    } else await this.#takeField(part)
  }

  async #takeFile(part: Part, fileName: string): Promise<void> {
    const name = part.fieldname
    if (this.#fileName !== undefined) throw fieldFault(name, 'is a second file, and one is taken', 'Send one file.')
    if (name !== FILE_FIELD) throw fileMissing(`A file came in the part ${shown(name)}, not in the part ${FILE_FIELD}.`)
    noteName(this.#hash, 'file', name)
    for await (const chunk of this.#contentOf(part)) {
      if (this.#held.byteLength + chunk.length > this.#limits.fileBytesMax) throw tooLarge(this.#limits.fileBytesMax)
      this.#hash.update(chunk)
      this.#held.append(chunk)
    }
    this.#fileName = fileName.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, NAME_LENGTH_MAX)
  }

  async #takeField(part: Part): Promise<void> {
    const name = part.fieldname
    if (this.#fields.has(name)) throw fieldFault(name, 'was sent twice', 'Send it once.')
    const chunks: Buffer[] = []
    let byteLength = 0
    for await (const chunk of this.#contentOf(part)) {
      byteLength += chunk.length
      if (byteLength > FIELD_BYTES_MAX) {
        throw fieldFault(name, `must have at most ${FIELD_BYTES_MAX} bytes`, 'Send a shorter text.')
      }
      chunks.push(chunk)
    }
    const bytes = Buffer.concat(chunks)
    noteName(this.#hash, 'field', name)
    this.#hash.update(bytes)
    this.#fields.set(name, textOf(name, bytes))
  }

  async *#contentOf(part: Part): AsyncGenerator<Buffer> {
    for await (const chunk of part.file as AsyncIterable<Buffer>) {
      this.#meter.noteContent(chunk.length)
      yield chunk
    }
  }

  #file(): FormFile {
    const name = this.#fileName
    const { byteLength } = this.#held
    if (name === undefined) throw fileMissing(`The form has no part called ${FILE_FIELD}.`)
    // What a browser sends for a file input that was left empty.
    if (name === '' && byteLength === 0) throw fileMissing('No file was chosen.')
    return { name, byteLength, bytes: this.#held.read() }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(name: string, bytes: Buffer): string {
  if (bytes.includes(0)) throw fieldFault(name, 'holds the character U+0000', 'Send the text without it.')
  try {
    return utf8.decode(bytes)
  } catch {
    throw fieldFault(name, 'is not valid UTF-8', 'Encode the text of the field as UTF-8.')
  }
}

/** Lengths keep two parts from being taken for one with both their bytes. */
function noteName(hash: Hash, kind: 'field' | 'file', name: string): void {
  hash.update(`\0${kind} ${Buffer.byteLength(name)} ${name} `)
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('file-too-large', { field: FILE_FIELD, args: [bytesMax] })
}
