import type { Random } from '../random.ts'
import { type Document, followed, type Schema } from './document.ts'
import { oddText } from './odd-values.ts'

const DEPTH_MAX = 8
const ITEMS_MAX = 4

/** What a value of a certain name may be so that it leads further than to the first check; by the name of the field. */
export type Hints = (name: string, random: Random) => unknown

export interface Generator {
  readonly document: Document
  readonly random: Random
  readonly hints: Hints
}

/** A value that a schema allows, as far as the schema can tell. */
export function allowedValue(generator: Generator, schema: Schema, name = '', depth = 0): unknown {
  const { document, random } = generator
  const hint = random.below(10) === 0 ? undefined : generator.hints(name, random)
  if (hint !== undefined) return hint
  const resolved = followed(document, schema)
  const choices = (resolved.anyOf ?? resolved.oneOf) as readonly Schema[] | undefined
  if (choices !== undefined) return allowedValue(generator, choices[random.below(choices.length)]!, name, depth)
  if (resolved.const !== undefined) return resolved.const
  const words = resolved.enum as readonly unknown[] | undefined
  if (words !== undefined) return words[random.below(words.length)]
  return ofType(generator, resolved, name, depth)
}

function ofType(generator: Generator, schema: Schema, name: string, depth: number): unknown {
  const { random } = generator
  const types = [schema.type].flat() as (string | undefined)[]
  switch (types[random.below(types.length)]) {
    case 'object':
      return objectOf(generator, schema, depth)
    case 'array':
      return arrayOf(generator, schema, name, depth)
    case 'string':
      return textOf(random, schema)
    case 'integer':
      return Math.round(numberOf(random, schema))
    case 'number':
      return numberOf(random, schema)
    case 'boolean':
      return random.below(2) === 0
    case 'null':
      return null
    default:
      return random.below(2) === 0 ? 'anything' : { any: 'thing' }
  }
}

function objectOf(generator: Generator, schema: Schema, depth: number): object {
  const { random } = generator
  const required = new Set((schema.required ?? []) as string[])
  const made: Record<string, unknown> = {}
  for (const [key, child] of Object.entries((schema.properties ?? {}) as Record<string, Schema>)) {
    const wanted = required.has(key) || (depth < DEPTH_MAX && random.below(4) === 0)
    if (wanted) made[key] = allowedValue(generator, child, key, depth + 1)
  }
  if (schema.properties === undefined && random.below(2) === 0) made.first_name = 'Ada'
  return made
}

function arrayOf(generator: Generator, schema: Schema, name: string, depth: number): unknown[] {
  const least = Math.max(Number(schema.minItems ?? 0), 1)
  const length = Math.min(least + generator.random.below(ITEMS_MAX), Number(schema.maxItems ?? least + ITEMS_MAX))
  const items = (schema.items ?? {}) as Schema
  return Array.from({ length }, () => allowedValue(generator, items, name.replace(/s$/, ''), depth + 1))
}

function numberOf(random: Random, schema: Schema): number {
  const least = Number(schema.minimum ?? schema.exclusiveMinimum ?? 0)
  const most = Math.min(Number(schema.maximum ?? least + 1_000), least + 100_000)
  return random.below(3) === 0 ? least : random.between(least, most)
}

function textOf(random: Random, schema: Schema): string {
  switch (schema.format) {
    case 'date-time':
      return new Date(Date.UTC(2029, random.below(12), 1 + random.below(28), random.below(24))).toISOString()
    case 'uuid':
      return `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-8${hex(random, 3)}-${hex(random, 12)}`
    case 'uri':
      return 'https://127.0.0.1/hook'
  }
  if (random.below(12) === 0) return oddText(random)
  const least = Number(schema.minLength ?? 0)
  return `text ${random.below(1_000)}`.padEnd(least, 'x').slice(0, Math.min(Number(schema.maxLength ?? 100), 100))
}

function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => random.below(16).toString(16)).join('')
}
