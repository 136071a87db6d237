import fs from 'node:fs'
import path from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'

/**
 * Vendors' own schemas, where somebody has them: they are not part of this repository. The folder's place is
 * CARILLON_VENDOR_SCHEMAS, by default `../shared/specs` beside the checkout.
 */
const FOLDER = process.env.CARILLON_VENDOR_SCHEMAS ?? path.resolve('../shared/specs')

/** Null, said aloud, when the file is not there. */
export function vendorSchemas(file: string): VendorSchemas | null {
  const place = path.join(FOLDER, file)
  if (!fs.existsSync(place)) {
    console.warn(`The vendor's schema ${place} is not there: answers are not compared with it.`)
    return null
  }
  return new VendorSchemas(parse(fs.readFileSync(place, 'utf8')) as OpenApi)
}

interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Schemas of OpenAPI 3.0 as JSON schemas: `nullable` becomes a type, and what only documents is left out. */
export class VendorSchemas {
  readonly #ajv: Ajv
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(document: OpenApi) {
    this.#ajv = new Ajv({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    this.#ajv.addSchema({ $id: 'vendor', components: { schemas: withNulls(document.components.schemas) } })
  }

  /** What is wrong with a value; empty: it fits. */
  problems(schema: string, value: unknown): string[] {
    const known = this.#validators.get(schema)
    const validate = known ?? this.#ajv.compile({ $ref: `vendor#/components/schemas/${schema}` })
    this.#validators.set(schema, validate)
    validate(value)
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}

function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNulls)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Record<string, unknown>).map(([key, child]) => [key, withNulls(child)])
  const { nullable, format, ...rest } = Object.fromEntries(entries) as Record<string, unknown>
  // What is only written is no part of an answer, although the vendor requires it of requests.
  const properties = (rest.properties ?? {}) as Record<string, { writeOnly?: boolean }>
  if (Array.isArray(rest.required)) {
    rest.required = (rest.required as string[]).filter((key) => properties[key]?.writeOnly !== true)
  }
  // Formats of the vendor's own (`enum`, `int32`) say nothing that the rest does not.
  const kept = format === 'uuid' || format === 'date-time' || format === 'uri' ? { ...rest, format } : rest
  return nullable === true ? { anyOf: [kept, { type: 'null' }] } : kept
}
