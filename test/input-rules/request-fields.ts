/**
 * What a rule tries: a value that is taken, the nearest ones that are not (`one below`, `one above` a limit), another
 * type, nothing, the id of a thing that does not exist or is somebody else's, or anything else that does not fit (`form`).
 */
export type RuleKind = 'taken' | 'one below' | 'one above' | 'wrong type' | 'missing' | 'foreign id' | 'form'

/** A field of a request as an OpenAPI document describes it, and which rules its schema calls for. */
export interface FieldSchema {
  readonly path: string
  readonly kinds: readonly RuleKind[]
}

interface Schema {
  readonly $ref?: string
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

interface Operation {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Limits of the machine, such as that of a whole number of 32 bits, are no rules of a field. */
const LIMIT_MAX = 2_000_000_000

/** Such as `POST /batch-call`. */
export function requestOperations(document: unknown): string[] {
  return Object.entries((document as Document).paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

/** Every field of the query and of the body; `tasks[].to_number` is a field of the entries of a list. */
export function requestFields(document: unknown, named: string): FieldSchema[] {
  const [method, path] = named.split(' ') as [string, string]
  const operation = (document as Document).paths[path]?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`The document has no operation ${named}`)
  const queries = (operation.parameters ?? []).filter((each) => each.in === 'query')
  const ofQuery = queries.map(({ name, schema, required = false }) => fieldOf(document, `?${name}`, schema, required))
  const bodies = Object.values(operation.requestBody?.content ?? {})
  return [...ofQuery, ...bodies.flatMap(({ schema }) => fieldsIn(document, schema, ''))]
}

function fieldsIn(document: unknown, schema: Schema, path: string): FieldSchema[] {
  return alternatives(document, schema).flatMap((each) => {
    const required = each.required ?? []
    const ofObject = Object.entries(each.properties ?? {}).flatMap(([name, child]) => {
      const childPath = path === '' ? name : `${path}.${name}`
      return [fieldOf(document, childPath, child, required.includes(name)), ...fieldsIn(document, child, childPath)]
    })
    const { items } = each
    if (items === undefined) return ofObject
    return [...ofObject, fieldOf(document, `${path}[]`, items, false), ...fieldsIn(document, items, `${path}[]`)]
  })
}

function fieldOf(document: unknown, path: string, schema: Schema, required: boolean): FieldSchema {
  const each = alternatives(document, schema).filter(({ type }) => type !== 'null')
  const has = (of: (schema: Schema) => number | undefined, holds: (limit: number) => boolean) =>
    each.some((one) => holds(of(one) ?? Number.NaN))
  const least = (limit: number) => limit > -LIMIT_MAX && (path.startsWith('?') || limit >= 0)
  const most = (limit: number) => limit < LIMIT_MAX
  const kinds: [RuleKind, boolean][] = [
    // In a query everything is a text.
    ['wrong type', each.every(({ type }) => type !== undefined && !(path.startsWith('?') && type === 'string'))],
    ['missing', required],
    [
      'one below',
      has(({ minimum }) => minimum, least) ||
        has(
          (one) => one.minLength ?? one.minItems,
          (n) => n > 0,
        ),
    ],
    ['one above', has((one) => one.maximum ?? one.maxLength ?? one.maxItems, most)],
  ]
  return { path, kinds: kinds.filter(([, wanted]) => wanted).map(([kind]) => kind) }
}

function alternatives(document: unknown, schema: Schema): Schema[] {
  if (schema.$ref !== undefined) {
    const steps = schema.$ref.split('/').slice(1)
    const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document)
    return alternatives(document, found as Schema)
  }
  const several = schema.anyOf ?? schema.oneOf
  return several === undefined ? [schema] : several.flatMap((each) => alternatives(document, each))
}
