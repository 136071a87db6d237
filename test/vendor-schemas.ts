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

/** As much of an OpenAPI document as is read here. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>
    readonly parameters?: Readonly<Record<string, object>>
    readonly securitySchemes?: Readonly<Record<string, object>>
  }
}

/** What is only read is no part of a request, and what is only written none of an answer. */
export type Direction = 'request' | 'answer'

/** Schemas of OpenAPI 3.0 as JSON schemas: `nullable` becomes a type, and what only documents is left out. */
export class VendorSchemas {
  readonly document: OpenApi
  readonly #ajv: Ajv
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(document: OpenApi) {
    this.document = document
    // Values of queries and headers are texts, whatever they stand for.
    this.#ajv = new Ajv({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    for (const direction of ['request', 'answer'] as const) {
      const schemas = asJsonSchema(document.components.schemas, direction)
      this.#ajv.addSchema({ $id: direction, components: { schemas } })
    }
  }

  /** What is wrong with a value; empty: it fits. */
  problems(schema: string, value: unknown): string[] {
    return this.problemsIn({ $ref: `#/components/schemas/${schema}` }, value, 'answer')
  }

  /** The same for a schema that stands in the document, such as that of a body. */
  problemsIn(schema: object, value: unknown, direction: Direction): string[] {
    const text = JSON.stringify(asJsonSchema(schema, direction)).replaceAll(
      '"#/components/',
      `"${direction}#/components/`,
    )
    const validate = this.#validators.get(text) ?? this.#ajv.compile(JSON.parse(text) as object)
    this.#validators.set(text, validate)
    validate(value)
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath} ${message} ${params.additionalProperty ?? ''}`.trimEnd(),
    )
  }
}

function asJsonSchema(value: unknown, direction: Direction): unknown {
  if (Array.isArray(value)) return value.map((each) => asJsonSchema(each, direction))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Record<string, unknown>).map(([key, child]) => [
    key,
    asJsonSchema(child, direction),
  ])
  const { nullable, format, ...rest } = Object.fromEntries(entries) as Record<string, unknown>
  const properties = (value as { properties?: Record<string, { writeOnly?: boolean; readOnly?: boolean }> }).properties
  const isForeign = (key: string) =>
    direction === 'answer' ? properties?.[key]?.writeOnly === true : properties?.[key]?.readOnly === true
  if (Array.isArray(rest.required)) {
    rest.required = (rest.required as string[]).filter((key) => !isForeign(key))
  }
  // A request may hold nothing that its schema does not name; an answer may, as every newer server does.
  if (direction === 'request' && rest.type === 'object' && properties !== undefined) {
    rest.properties = Object.fromEntries(Object.entries(rest.properties as object).filter(([key]) => !isForeign(key)))
    rest.additionalProperties ??= false
  }
  // Formats of the vendor's own (`enum`, `int32`) say nothing that the rest does not.
  const kept = format === 'uuid' || format === 'date-time' || format === 'uri' ? { ...rest, format } : rest
  return nullable === true ? { anyOf: [kept, { type: 'null' }] } : kept
}
