import { describe, expect, it } from 'vitest'
import type { Reply } from '../product-server.ts'
import { type FieldSchema, type RuleKind, requestFields, requestOperations } from './request-fields.ts'

/**
 * One rule: the field, what is tried, the value that is sent in it (`undefined` leaves it out), the status of the
 * answer, what the answer must say, and what is sent beside it. A field is written as its path in the body,
 * `tasks[].to_number` being that of the first task, or as `?name` for one of the query.
 */
export type InputRule = readonly [
  field: string,
  kind: RuleKind,
  value: unknown,
  status: number,
  text?: string | RegExp,
  beside?: object,
]

/** The rules of one operation, and the good request into which each of their values is put. */
export interface OperationRules<World> {
  /** As the dialect's document names it, such as `POST /batch-call`. */
  readonly operation: string
  /** The path that is asked; that of the operation by default. */
  readonly path?: (world: World) => string
  readonly body?: (world: World, field: string) => object
  readonly rules: readonly InputRule[]
  /** Fields that hold the id of something: each must have a rule with one that is foreign. */
  readonly ids?: readonly string[]
  /** Fields whose rules stand at another operation, which reads them by the same schema. */
  readonly elsewhere?: RegExp
  /** For bodies that are not JSON. */
  readonly send?: (world: World, body: Record<string, unknown>) => Promise<Reply>
}

export interface InputRulesOf<World> {
  readonly operations: readonly OperationRules<World>[]
  /** Operations that take something and yet need no rules: why, by name. */
  readonly without?: Readonly<Record<string, string>>
  readonly world: () => World
  readonly ask: (world: World, method: string, address: string, body?: unknown) => Promise<Reply>
  /** The dialect's OpenAPI document, which says what fields there are. */
  readonly document: (world: World) => Promise<unknown>
  /** How much is stored; a refusal must not change it. */
  readonly stored: (world: World) => Promise<number>
  /** Fails when a refusal has not the dialect's own form. */
  readonly expectForm: (reply: Reply, rule: InputRule) => void
}

/** Makes a test of every rule, and those that fail when a field or an operation of the dialect has none. */
export function testInputRules<World>(table: InputRulesOf<World>): void {
  for (const rules of table.operations) {
    describe(rules.operation, () => {
      it.each(rules.rules.map((rule) => [titleOf(rule), rule] as const))('%s', async (_title, rule) => {
        await tryRule(table, rules, rule)
      })
    })
  }
  describe('the table', () => {
    it('names every operation that takes something', async () => {
      const named = [...table.operations.map(({ operation }) => operation), ...Object.keys(table.without ?? {})]
      const document = await table.document(table.world())
      const taking = requestOperations(document).filter((operation) => requestFields(document, operation).length > 0)
      expect([...named].sort()).toEqual([...taking].sort())
    })

    it.each(table.operations.map((rules) => [rules.operation, rules] as const))(
      'has the rules of every field of %s',
      async (_operation, rules) => {
        const fields = requestFields(await table.document(table.world()), rules.operation)
        expect(missingRules(rules, fields)).toEqual([])
      },
    )
  })
}

async function tryRule<World>(
  table: InputRulesOf<World>,
  rules: OperationRules<World>,
  rule: InputRule,
): Promise<void> {
  const [field, , value, status, text, beside] = rule
  const world = table.world()
  const [method, path] = rules.operation.split(' ') as [string, string]
  const address = new URL(rules.path?.(world) ?? path, 'http://x')
  const body = rules.body === undefined ? undefined : { ...rules.body(world, field), ...beside }
  if (field.startsWith('?')) {
    if (value !== undefined) address.searchParams.set(field.slice(1), String(value))
  } else putValue(body as Record<string, unknown>, field, value)
  const before = status >= 400 ? await table.stored(world) : 0
  const reply =
    rules.send === undefined
      ? await table.ask(world, method, `${address.pathname}${address.search}`, body)
      : await rules.send(world, body as Record<string, unknown>)
  expect(reply.status, reply.text).toBe(status)
  if (typeof text === 'string') expect(reply.text).toContain(text)
  else if (text !== undefined) expect(reply.text).toMatch(text)
  if (status < 400) return
  expect(reply.text).not.toMatch(/\bat .*\.ts/)
  table.expectForm(reply, rule)
  expect(await table.stored(world)).toBe(before)
}

/** Which rules the schema of a field asks for and the table has not. */
function missingRules(rules: OperationRules<never>, fields: readonly FieldSchema[]): string[] {
  const own = fields.filter(({ path }) => rules.elsewhere?.test(path) !== true)
  const has = (path: string, kind?: RuleKind) =>
    rules.rules.some(([field, each]) => field === path && (kind === undefined || kind === each))
  const wanted = own.flatMap(({ path, kinds }) => kinds.filter((kind) => !has(path, kind)).map((kind) => [path, kind]))
  const foreign = (rules.ids ?? []).filter((path) => !has(path, 'foreign id')).map((path) => [path, 'foreign id'])
  const bare = own.filter(({ path }) => !has(path)).map(({ path }) => [path, 'any'])
  const unknown = rules.rules
    .filter(([field]) => !fields.some(({ path }) => path === field))
    .map(([field]) => [field, 'is no field'])
  return [...wanted, ...foreign, ...bare, ...unknown].map(([path, kind]) => `${path}: ${kind}`)
}

/** Puts a value at a path and makes what it stands in. */
function putValue(body: Record<string, unknown>, field: string, value: unknown): void {
  const steps = field.replaceAll('[]', '.0').split('.')
  // What is tried must not change what other tests send.
  let at = body as Record<string, unknown>
  for (const [index, step] of steps.slice(0, -1).entries()) {
    const isList = steps[index + 1] === '0'
    at[step] = isList ? [...((at[step] as unknown[] | undefined) ?? [])] : { ...(at[step] as object | undefined) }
    at = at[step] as Record<string, unknown>
  }
  if (value === undefined) delete at[steps.at(-1)!]
  else at[steps.at(-1)!] = value
}

function titleOf([field, kind, value, status]: InputRule): string {
  const shown = value === undefined ? 'nothing' : JSON.stringify(value)
  return `${field}, ${kind}: ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown} is ${status}`
}
