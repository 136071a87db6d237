import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { fieldPath } from './zod-problems.ts'

/** The header in which a wire format that ignores unknown fields names them. */
export const IGNORED_FIELDS_HEADER = 'carillon-ignored-fields'

const NAMES_MAX = 20
/** A list whose first entries hold nothing unknown is taken to go on so. */
const ENTRIES_LOOKED_AT = 100
const HEADER_CHARS_MAX = 1_000

/**
 * Paths of what a request holds and its schema does not name, the first 20. The schema's objects must be plain ones,
 * which leave such fields out of what they return.
 */
export function ignoredFields(schema: z.ZodType, value: unknown): string[] {
  const found: string[] = []
  look(schema, value, [], found)
  return found
}

/** Names of fields come from the client: only what may stand in a header is sent back. */
export function ignoredFieldsHeader(names: readonly string[]): string {
  return names
    .map((name) => name.replace(/[^\x21-\x2b\x2d-\x7e]/g, '_').slice(0, 100))
    .join(', ')
    .slice(0, HEADER_CHARS_MAX)
}

/** Names in the answer what of a body, or of a query, was not understood or has no effect. */
export function nameIgnoredFields(schema: z.ZodType, sent: unknown, reply: FastifyReply): void {
  const names = ignoredFields(schema, sent)
  if (names.length > 0) reply.header(IGNORED_FIELDS_HEADER, ignoredFieldsHeader(names))
}

function look(schema: z.ZodType, value: unknown, path: readonly PropertyKey[], found: string[]): void {
  if (typeof value !== 'object' || value === null || found.length >= NAMES_MAX) return
  const bare = unwrapped(schema)
  if (bare instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, entry] of value.slice(0, ENTRIES_LOOKED_AT).entries()) {
      look(bare.element as z.ZodType, entry, [...path, index], found)
    }
  }
  if (!(bare instanceof z.ZodObject) || Array.isArray(value)) return
  // A loose object takes whatever is in it.
  if (bare.def.catchall !== undefined) return
  for (const [key, child] of Object.entries(value)) {
    const known = Object.hasOwn(bare.shape, key) ? (bare.shape[key] as z.ZodType) : undefined
    if (known !== undefined) look(known, child, [...path, key], found)
    else if (found.length < NAMES_MAX) found.push(fieldPath([...path, key]))
  }
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrapped(schema.unwrap() as z.ZodType)
  }
  return schema
}
