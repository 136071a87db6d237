import type { SwaggerTransform } from '@fastify/swagger'
import { z } from 'zod'

type JsonSchema = Record<string, unknown>

const documented = new WeakMap<z.ZodType, z.ZodType>()

/** Lets the document show another schema than the one that validates; for bodies that are checked in two steps. */
export function documentAs<Wire extends z.ZodType>(wire: Wire, shown: z.ZodType): Wire {
  documented.set(wire, shown)
  return wire
}

/**
 * Turns the zod schemas of routes into the JSON Schemas of an OpenAPI 3.1 document. A schema with an id in its meta
 * data becomes a component; the id is `<dialect>.<Name>`, since dialects share words, and the component `<Name>`.
 */
export class OpenApiSchemas {
  readonly components: Record<string, JsonSchema> = {}

  /** For `transform` of the document's plugin. */
  readonly transform: SwaggerTransform = ({ schema, url }) => {
    if (schema === undefined) return { schema: { hide: true }, url }
    const { body, querystring, params, headers, response, ...rest } = schema as Record<string, unknown>
    const transformed: Record<string, unknown> = { ...rest }
    if (body !== undefined) transformed.body = this.#content(body, 'input')
    for (const [part, wire] of Object.entries({ querystring, params, headers })) {
      if (wire instanceof z.ZodType) transformed[part] = this.#inline(wire)
    }
    if (response !== undefined) {
      const answers = Object.entries(response as object).map(([status, wire]) => [
        status,
        this.#content(wire, 'output'),
      ])
      transformed.response = Object.fromEntries(answers)
    }
    return { schema: transformed as JsonSchema, url }
  }

  /** A schema, or one for each content type. */
  #content(wire: unknown, direction: 'input' | 'output'): unknown {
    if (wire instanceof z.ZodType) return this.#convert(documented.get(wire) ?? wire, direction)
    const { content, description } = wire as { content?: Record<string, { schema: unknown }>; description?: string }
    if (content === undefined) return wire
    const converted = Object.entries(content).map(([type, entry]) => [
      type,
      { schema: this.#content(entry.schema, direction) },
    ])
    return { description, content: Object.fromEntries(converted) }
  }

  /** Parameters must be an object of their own: the document lists them one by one. */
  #inline(wire: z.ZodType): JsonSchema {
    const { $schema: _, $defs, ...schema } = z.toJSONSchema(wire, { io: 'input', unrepresentable: 'any' }) as JsonSchema
    this.#keep($defs)
    return rewritten(schema)
  }

  #convert(wire: z.ZodType, direction: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs,
      id,
      ...schema
    } = z.toJSONSchema(wire, {
      io: direction,
      unrepresentable: 'any',
    }) as JsonSchema
    this.#keep($defs)
    if (typeof id !== 'string') return rewritten(schema)
    const name = componentName(id)
    this.components[name] = rewritten(schema)
    return { $ref: `#/components/schemas/${name}` }
  }

  #keep(definitions: unknown): void {
    for (const [id, definition] of Object.entries((definitions ?? {}) as Record<string, JsonSchema>)) {
      const { id: _, $schema: __, ...schema } = definition
      this.components[componentName(id)] = rewritten(schema)
    }
  }
}

function componentName(id: string): string {
  return id.slice(id.indexOf('.') + 1)
}

/** The same schema with its references pointing into the document. */
function rewritten(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (key !== '$ref' || typeof value !== 'string') return value
    return `#/components/schemas/${componentName(value.slice('#/$defs/'.length))}`
  }) as JsonSchema
}
