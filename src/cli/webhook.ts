import type { ApiClient } from './api-client.ts'
import { EXIT, type ExitCode, usageError } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { countText } from './durations.ts'
import { type Column, renderTable } from './table.ts'
import { harmless } from './terminal.ts'

interface WebhookDocument {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly form: string
  readonly kinds: readonly string[] | null
  readonly status: 'active' | 'disabled' | 'paused'
  readonly pausedReason: string | null
  readonly failuresInRow: number
  readonly lastDeliveredAt: string | null
}

interface DeliveryDocument {
  readonly eventId: string
  readonly event: { readonly kind: string; readonly at: string }
  readonly status: 'pending' | 'delivered' | 'failed'
  readonly tries: number
  readonly nextTryAt: string | null
  readonly httpStatus: number | null
  readonly error: string | null
}

export interface WebhookOptions extends ConnectionOptions {
  readonly json?: boolean
}

export interface AddWebhookOptions extends ConnectionOptions {
  readonly name?: string
  readonly kind?: readonly string[]
  readonly agent?: readonly string[]
  readonly batch?: readonly string[]
}

const WEBHOOK_COLUMNS: readonly Column<WebhookDocument>[] = [
  { title: 'ID', value: ({ id }) => id, whole: true },
  { title: 'STATUS', value: ({ status, failuresInRow }) => (failuresInRow > 0 ? `${status}, fails` : status) },
  { title: 'URL', value: ({ url }) => url },
  { title: 'EVENTS', value: ({ kinds }) => kinds?.join(', ') ?? 'all' },
  { title: 'NAME', value: ({ name }) => name },
]

const DELIVERY_COLUMNS: readonly Column<DeliveryDocument>[] = [
  { title: 'EVENT', value: ({ eventId }) => eventId, whole: true },
  { title: 'KIND', value: ({ event }) => event.kind },
  { title: 'AT', value: ({ event }) => shortTime(event.at) },
  { title: 'STATUS', value: ({ status }) => status },
  { title: 'TRIES', value: ({ tries }) => tries, align: 'right' },
  { title: 'ANSWER', value: ({ httpStatus, error }) => error ?? httpStatus },
  { title: 'NEXT TRY', value: ({ nextTryAt }) => (nextTryAt === null ? '' : shortTime(nextTryAt)) },
]

export async function addWebhook(url: string, options: AddWebhookOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  const { name, kind: kinds, agent: agentIds, batch: batchIds } = options
  const body = { url, name, kinds, agentIds, batchIds }
  const client = connect(options, context.environment)
  const made = await client.post<{ webhook: WebhookDocument; secret: string }>('/webhooks', body)
  if (!terminal.isLive) terminal.line(JSON.stringify(made))
  else {
    terminal.line(`Webhook ${made.webhook.id}`)
    terminal.line(`secret  ${made.secret}`)
    terminal.note('Its receiver verifies the signature with this secret. It is shown this once.')
  }
  return EXIT.ok
}

export async function listWebhooks(options: WebhookOptions, context: CliContext): Promise<ExitCode> {
  const rows = await connect(options, context.environment).list<WebhookDocument>('/webhooks')
  print(rows, WEBHOOK_COLUMNS, { options, context })
  if (context.terminal.isLive) {
    for (const { id, pausedReason } of rows) {
      if (pausedReason !== null) context.terminal.note(`${id} is paused: ${harmless(pausedReason)}`)
    }
  }
  return EXIT.ok
}

export interface DeliveriesOptions extends WebhookOptions {
  readonly status?: string
  readonly limit?: number
}

const DELIVERIES_SHOWN = 50

export async function listDeliveries(id: string, options: DeliveriesOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const query = { status: options.status, limit: options.limit ?? DELIVERIES_SHOWN }
  const page = await client.get<{ items: DeliveryDocument[] }>(pathOf(id, '/deliveries'), query)
  print(page.items, DELIVERY_COLUMNS, { options, context })
  return EXIT.ok
}

export interface ResendOptions extends ConnectionOptions {
  readonly failed?: boolean
  readonly since?: string
}

/** One event, several, or with `--failed` all that were given up. */
export async function resend(
  id: string,
  { events, options }: { events: readonly string[]; options: ResendOptions },
  context: CliContext,
): Promise<ExitCode> {
  if ((events.length === 0) !== (options.failed === true)) {
    throw usageError(
      'Say which events, or --failed for all that were given up.',
      `carillon webhook deliveries ${id} shows them`,
    )
  }
  const { terminal } = context
  const client = connect(options, context.environment)
  const resent =
    options.failed === true ? await resendFailed(client, id, options) : await resendOnes(client, id, events)
  const text = `${countText(resent)} ${resent === 1 ? 'webhook is' : 'webhooks are'} sent again now.`
  terminal.line(terminal.isLive ? text : JSON.stringify({ resent }))
  return EXIT.ok
}

async function resendFailed(client: ApiClient, id: string, { since }: ResendOptions): Promise<number> {
  return (await client.post<{ resent: number }>(pathOf(id, '/resend-failed'), { since })).resent
}

async function resendOnes(client: ApiClient, id: string, events: readonly string[]): Promise<number> {
  for (const event of events) {
    await client.post<DeliveryDocument>(pathOf(id, `/deliveries/${encodeURIComponent(event)}/resend`))
  }
  return events.length
}

/** Sets a webhook going again that was paused or stopped, or stops it. */
export async function switchWebhook(
  id: string,
  { active, options }: { active: boolean; options: ConnectionOptions & { skipWaiting?: boolean } },
  context: CliContext,
): Promise<ExitCode> {
  const { terminal } = context
  const body = { active, skipWaiting: options.skipWaiting }
  const changed = await connect(options, context.environment).patch<WebhookDocument>(pathOf(id), body)
  terminal.line(terminal.isLive ? `Webhook ${changed.id} is ${changed.status}.` : JSON.stringify(changed))
  return EXIT.ok
}

export async function removeWebhook(id: string, options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  await connect(options, context.environment).delete(pathOf(id))
  terminal.line(terminal.isLive ? 'It is removed.' : JSON.stringify({ removed: id }))
  return EXIT.ok
}

function pathOf(id: string, rest = ''): string {
  return `/webhooks/${encodeURIComponent(id)}${rest}`
}

function shortTime(instant: string): string {
  return instant.slice(0, 19).replace('T', ' ')
}

function print<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { options, context }: { options: WebhookOptions; context: CliContext },
): void {
  const { terminal } = context
  if (options.json === true || !terminal.isLive) for (const row of rows) terminal.line(JSON.stringify(row))
  else if (rows.length === 0) terminal.line('There is none yet.')
  else for (const line of renderTable(rows, columns, terminal.style)) terminal.line(line)
}
