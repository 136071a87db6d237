import type { FastifyInstance } from 'fastify'
import { DIALECT_NAMES, type DialectName } from '../../test/dialect-facts/registry.ts'

/** JSON Schema as our documents hold it. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: Schema
}

/** One operation of a wire format's document. */
export interface Operation {
  readonly dialect: DialectName
  readonly method: string
  /** As in the document: `/carillon/v1/batches/{id}`. */
  readonly path: string
  readonly pattern: RegExp
  readonly parameters: readonly Parameter[]
  readonly body: { readonly type: string; readonly schema: Schema } | null
  /** An answer of it may go on for as long as something may change. */
  readonly isEndless: boolean
}

export interface Document {
  readonly dialect: DialectName
  readonly json: { readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>> }
  readonly operations: readonly Operation[]
}

export interface RawOperation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >
}

/** The documents as the server gives them. */
export async function readDocuments(server: FastifyInstance): Promise<readonly Document[]> {
  const documents: Document[] = []
  for (const dialect of DIALECT_NAMES) {
    const answer = await server.inject({ method: 'GET', url: `/openapi/${dialect}.json` })
    const json = answer.json<Document['json']>()
    documents.push({ dialect, json, operations: operationsOf(dialect, json) })
  }
  return documents
}

/** A schema with its references followed. */
export function followed(document: Document, schema: Schema): Schema {
  const { $ref } = schema
  if (typeof $ref !== 'string') return schema
  const steps = $ref.slice('#/'.length).split('/')
  const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document.json)
  return followed(document, found as Schema)
}

function operationsOf(dialect: DialectName, { paths }: Document['json']): Operation[] {
  const operations: Operation[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, raw] of Object.entries(methods)) {
      const contents = Object.entries(raw.requestBody?.content ?? {})
      const shared = { dialect, method: method.toUpperCase(), path, pattern: patternOf(path) }
      const isEndless = JSON.stringify(raw.responses).includes('text/event-stream')
      const parameters = raw.parameters ?? []
      if (contents.length === 0) operations.push({ ...shared, parameters, isEndless, body: null })
      for (const [type, { schema = {} }] of contents) {
        operations.push({ ...shared, parameters, isEndless, body: { type, schema } })
      }
    }
  }
  return operations
}

function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/\{[^}]+\}/g, '[^/]+')}$`)
}
