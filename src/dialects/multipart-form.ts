import { createHash, type Hash } from 'node:crypto'
import multipart, { type Multipart } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError, invalidInput } from '../errors.ts'
import { RequestError } from './request-errors.ts'

/** A form with at most one file. */
export interface Form {
  /** Plain fields by name. */
  readonly fields: ReadonlyMap<string, string>
  readonly file: FormFile | null
}

export interface FormFile {
  readonly fieldName: string
  /** As the client wrote it: a name to show, never a path. */
  readonly name: string
  readonly byteLength: number
  readonly bytes: AsyncIterable<Buffer>
}

const FIELDS_MAX = 30
const FIELD_BYTES_MAX = 65_536
const HEADERS_OF_A_PART_MAX = 100
/** Boundaries, part headers and fields beside the file. */
const OVERHEAD_BYTES_MAX = 3 * 1_048_576
const NAME_LENGTH_MAX = 255

/** Lets the routes of a scope take `multipart/form-data`; read it with {@link readForm}. */
export async function takeForms(scope: FastifyInstance): Promise<void> {
  await scope.register(multipart, {
    limits: { files: 2, fields: FIELDS_MAX, parts: FIELDS_MAX + 2, headerPairs: HEADERS_OF_A_PART_MAX },
    throwFileSizeLimit: false,
  })
}

/**
 * Reads a whole form; its fields may stand before or after the file. Leaves on `request.bodyHash` a hash over the
 * parts in their order (name and bytes), so that it is the same whatever the boundary was.
 *
 * @throws AppError `file-too-large` when the file has more than `fileBytesMax` bytes, `invalid-input` for what is
 * wrong with the form's parts; RequestError `malformed-body` when it is no form.
 */
export async function readForm(request: FastifyRequest, options: { readonly fileBytesMax: number }): Promise<Form> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > options.fileBytesMax + OVERHEAD_BYTES_MAX) throw tooLarge(options.fileBytesMax)
  try {
    return await readParts(request, options)
  } catch (error) {
    // Limits have a code of the framework's; what the parser says of broken forms has none.
    const { code } = error as { code?: unknown }
    if (error instanceof AppError || typeof code === 'string') throw error
    throw new RequestError('malformed-body', { message: 'The form is malformed or ends too early.', cause: error })
  }
}

async function readParts(request: FastifyRequest, options: { readonly fileBytesMax: number }): Promise<Form> {
  const hash = createHash('sha256')
  const fields = new Map<string, string>()
  let file: FormFile | null = null
  // One byte more than allowed is let through, to tell a file that just fits from one that does not.
  const limits = { fileSize: options.fileBytesMax + 1, fieldSize: FIELD_BYTES_MAX }
  for await (const part of request.parts({ limits })) {
    noteName(hash, part)
    if (part.type === 'file') {
      if (file !== null) throw invalidInput(part.fieldname, 'is a second file, and one is taken')
      file = await readFile(part, hash, options.fileBytesMax)
    } else addField(fields, part, hash)
  }
  request.bodyHash = hash.digest()
  return { fields, file }
}

async function readFile(part: Extract<Multipart, { type: 'file' }>, hash: Hash, bytesMax: number): Promise<FormFile> {
  const chunks: Buffer[] = []
  let byteLength = 0
  for await (const chunk of part.file as AsyncIterable<Buffer>) {
    byteLength += chunk.length
    if (byteLength > bytesMax) throw tooLarge(bytesMax)
    hash.update(chunk)
    chunks.push(chunk)
  }
  const name = part.filename.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, NAME_LENGTH_MAX)
  return { fieldName: part.fieldname, name, byteLength, bytes: inOrder(chunks) }
}

/** Lets go of each piece as soon as it was read. */
async function* inOrder(chunks: Buffer[]): AsyncIterable<Buffer> {
  for (let at = 0; at < chunks.length; at++) {
    const chunk = chunks[at]!
    chunks[at] = EMPTY
    yield chunk
  }
}

const EMPTY = Buffer.alloc(0)

function addField(fields: Map<string, string>, part: Extract<Multipart, { type: 'field' }>, hash: Hash): void {
  const name = part.fieldname
  const value = String(part.value ?? '')
  if (part.fieldnameTruncated || name === '') throw invalidInput('form', 'has a part without a usable name')
  if (part.valueTruncated) throw invalidInput(name, `must have at most ${FIELD_BYTES_MAX} bytes`)
  if (fields.has(name)) throw invalidInput(name, 'was sent twice')
  if (value.includes('\0') || name.includes('\0')) throw invalidInput(name, 'holds the character U+0000')
  hash.update(value)
  fields.set(name, value)
}

/** Lengths keep two parts from being taken for one with both their bytes. */
function noteName(hash: Hash, part: Multipart): void {
  hash.update(`\0${part.type} ${Buffer.byteLength(part.fieldname)} ${part.fieldname} `)
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('file-too-large', { field: 'file', args: [bytesMax] })
}
