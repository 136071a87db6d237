import type { ApiClient } from './api-client.ts'
import { EXIT, type ExitCode, usageError } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { findNamed, type NamedDocument, type NumberDocument } from './find-by-name.ts'
import { jsonObject } from './option-values.ts'
import { type Column, renderTable } from './table.ts'

interface AgentDocument extends NamedDocument {
  readonly kind: string
  readonly archivedAt: string | null
  readonly warnings: readonly string[]
}

interface TrunkDocument extends NamedDocument {
  readonly carrier: string
  readonly concurrency: number
  readonly live: number
  readonly callsPerSecond: number
  readonly blockedUntil: string | null
}

interface KeyDocument {
  readonly id: string
  readonly name: string
  readonly createdAt: string
  readonly revokedAt: string | null
  readonly expiresAt: string | null
  readonly access: 'full' | 'read'
  readonly allowedAddresses: readonly string[] | null
  readonly lastUsedAt: string | null
}

export interface ListOptions extends ConnectionOptions {
  readonly json?: boolean
}

export type ResourceKind = 'agent' | 'trunk' | 'number' | 'key'

const AGENT_COLUMNS: readonly Column<AgentDocument>[] = [
  { title: 'ID', value: ({ id }) => id, whole: true },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'ALIASES', value: ({ aliases = [] }) => aliases.join(', ') },
]
const TRUNK_COLUMNS: readonly Column<TrunkDocument>[] = [
  { title: 'ID', value: ({ id }) => id, whole: true },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'CARRIER', value: ({ carrier }) => carrier },
  { title: 'LIVE', value: ({ live, concurrency }) => `${live}/${concurrency}`, align: 'right' },
  { title: 'CALLS/S', value: ({ callsPerSecond }) => callsPerSecond, align: 'right' },
  { title: 'STATE', value: ({ blockedUntil }) => (blockedUntil === null ? 'ok' : 'fails') },
]
const KEY_COLUMNS: readonly Column<KeyDocument>[] = [
  { title: 'ID', value: ({ id }) => id, whole: true },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'MADE', value: ({ createdAt }) => createdAt.slice(0, 10) },
  { title: 'ACCESS', value: ({ access }) => access },
  { title: 'FROM', value: ({ allowedAddresses }) => allowedAddresses?.join(', ') },
  { title: 'USED', value: ({ lastUsedAt }) => lastUsedAt?.slice(0, 16).replace('T', ' ') },
  { title: 'ENDS', value: ({ expiresAt }) => expiresAt?.slice(0, 10) },
  { title: 'REVOKED', value: ({ revokedAt }) => revokedAt?.slice(0, 10) },
]

/** A table for people; for programs one JSON object a line. */
export async function listResources(kind: ResourceKind, options: ListOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  switch (kind) {
    case 'agent':
      return print(await client.list<AgentDocument>('/agents'), AGENT_COLUMNS, { options, context })
    case 'trunk':
      return print(await client.list<TrunkDocument>('/trunks'), TRUNK_COLUMNS, { options, context })
    case 'key':
      return print(await client.list<KeyDocument>('/keys'), KEY_COLUMNS, { options, context })
    case 'number':
      return listNumbers(client, options, context)
  }
}

async function listNumbers(client: ApiClient, options: ListOptions, context: CliContext): Promise<ExitCode> {
  const [numbers, trunks] = await Promise.all([
    client.list<NumberDocument>('/numbers'),
    client.list<TrunkDocument>('/trunks'),
  ])
  const trunkNames = new Map(trunks.map(({ id, name }) => [id, name]))
  const columns: readonly Column<NumberDocument>[] = [
    { title: 'NUMBER', value: ({ number }) => number, whole: true },
    { title: 'TRUNK', value: ({ trunkId }) => trunkNames.get(trunkId) ?? trunkId },
    { title: 'ID', value: ({ id }) => id, whole: true },
  ]
  return print(numbers, columns, { options, context })
}

interface Printing {
  readonly options: ListOptions
  readonly context: CliContext
}

function print<Row>(rows: readonly Row[], columns: readonly Column<Row>[], { options, context }: Printing): ExitCode {
  const { terminal } = context
  if (options.json === true || !terminal.isLive) for (const row of rows) terminal.line(JSON.stringify(row))
  else if (rows.length === 0) terminal.line('There is none yet.')
  else for (const line of renderTable(rows, columns, terminal.style)) terminal.line(line)
  return EXIT.ok
}

export interface AgentOptions extends ConnectionOptions {
  readonly name: string
  readonly kind?: string
  readonly text?: string
  readonly waitForKey?: number
  readonly stopKey?: string
  readonly repeatKey?: string
  readonly settings?: string
  readonly from?: string
  readonly alias?: readonly string[]
}

export async function addAgent(options: AgentOptions, context: CliContext): Promise<ExitCode> {
  const given = options.settings === undefined ? {} : jsonObject(options.settings, '--settings')
  const settings = {
    ...given,
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.waitForKey === undefined ? {} : { waitForKeySeconds: options.waitForKey }),
    ...(options.stopKey === undefined ? {} : { stopKey: options.stopKey }),
    ...(options.repeatKey === undefined ? {} : { repeatKey: options.repeatKey }),
  }
  const kind = options.kind ?? 'announcement'
  if (kind === 'announcement' && !('text' in settings)) {
    throw usageError('An announcement needs words.', `Write --text 'Hello {first_name}, this is …'.`)
  }
  const body = { name: options.name, kind, settings, defaultNumber: options.from, aliases: options.alias }
  const made = await connect(options, context.environment).post<AgentDocument>('/agents', body)
  for (const warning of made.warnings) context.terminal.note(warning)
  return tellMade(made, `Agent ${made.name}: ${made.id}`, context)
}

export interface TrunkOptions extends ConnectionOptions {
  readonly name: string
  readonly carrier: string
  readonly settings?: string
  readonly concurrency: number
  readonly callsPerSecond: number
}

export async function addTrunk(options: TrunkOptions, context: CliContext): Promise<ExitCode> {
  const { name, carrier, concurrency, callsPerSecond } = options
  const settings = options.settings === undefined ? {} : jsonObject(options.settings, '--settings')
  const body = { name, carrier, settings, concurrency, callsPerSecond }
  const made = await connect(options, context.environment).post<TrunkDocument>('/trunks', body)
  return tellMade(
    made,
    `Trunk ${made.name}: ${made.id}\nGive it a number: carillon number add +… --trunk ${made.id}`,
    context,
  )
}

export interface NumberOptions extends ConnectionOptions {
  readonly trunk?: string
  readonly alias?: readonly string[]
}

export async function addNumber(number: string, options: NumberOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const trunk = await findNamed(client, 'trunk', options.trunk)
  const body = { number, trunkId: trunk.id, aliases: options.alias }
  const made = await client.post<NumberDocument>('/numbers', body)
  return tellMade(made, `Number ${made.number} on ${trunk.name}: ${made.id}`, context)
}

export interface KeyOptions extends ConnectionOptions {
  readonly name: string
  readonly readOnly?: boolean
  readonly expiresAt?: string
  readonly allowFrom?: readonly string[]
}

export async function addKey(options: KeyOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const { name, readOnly, expiresAt, allowFrom } = options
  const body = { name, access: readOnly === true ? 'read' : 'full', expiresAt, allowedAddresses: allowFrom }
  const made = await client.post<{ key: KeyDocument; token: string }>('/keys', body)
  return tellMade(made, `${made.token}\nThis is the only time it is shown.`, context)
}

export async function revokeKey(id: string, options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  await client.delete(`/keys/${encodeURIComponent(id)}`)
  return tellMade({ id, revoked: true }, `The key ${id} is refused from now on.`, context)
}

function tellMade(made: unknown, text: string, { terminal }: CliContext): ExitCode {
  terminal.line(terminal.isLive ? text : JSON.stringify(made))
  return EXIT.ok
}
