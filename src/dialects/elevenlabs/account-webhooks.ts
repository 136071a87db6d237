import type { Actor, CommandContext } from '../../commands/context.ts'
import type { WebhookView } from '../../commands/views.ts'
import { getWebhook, listWebhooks, updateWebhook } from '../../commands/webhooks.ts'
import { AppError } from '../../errors.ts'
import { everyPage } from '../every-page.ts'
import { unixOf } from './encode.ts'
import { decodeId, encodeId } from './ids.ts'
import { ELEVENLABS_FORM, eventsOf } from './webhook.ts'
import type { Settings, SettingsChanges, Webhook, WebhookEvent } from './wire-account.ts'

/**
 * In this wire format the settings of an account name the one webhook that is told of every call; in the core an
 * endpoint names its agents. So the one that is named has all of them, and any other none.
 */
export function allWebhooks(commands: CommandContext, actor: Actor): Promise<WebhookView[]> {
  return everyPage((cursor) => listWebhooks(commands, actor, { form: ELEVENLABS_FORM, cursor, limit: 1_000 }))
}

/** @throws AppError `webhook-not-found`, also for one of another wire form. */
export async function findWebhook(commands: CommandContext, actor: Actor, id: string): Promise<WebhookView> {
  const found = await getWebhook(commands, actor, decodeId('webhook', id))
  if (found.form !== ELEVENLABS_FORM) throw new AppError('webhook-not-found')
  return found
}

export function encodeWebhook(view: WebhookView, { withUsage }: { withUsage: boolean }): Webhook {
  return {
    name: view.name,
    webhook_id: encodeId('webhook', view.id),
    webhook_url: view.url,
    is_disabled: view.status === 'disabled',
    is_auto_disabled: view.status === 'paused',
    created_at_unix: unixOf(view.createdAt),
    auth_type: 'hmac',
    usage: withUsage ? usageOf(view) : null,
    most_recent_failure_error_code: null,
    most_recent_failure_timestamp: view.failingSince === null ? null : unixOf(view.failingSince),
  }
}

function usageOf(view: WebhookView): Webhook['usage'] {
  return isTold(view) ? [{ usage_type: 'ConvAI Settings' }] : []
}

/** One that the Carillon API made for some agents or batches is told beside it, and none of the settings' business. */
function isTold({ agentIds, batchIds }: WebhookView): boolean {
  return agentIds === null && batchIds === null
}

export async function readSettings(commands: CommandContext, actor: Actor): Promise<Settings> {
  return encodeSettings((await allWebhooks(commands, actor)).find(isTold))
}

/** What is left out stays as it is. @throws AppError `webhook-not-found`; then nothing has changed. */
export async function changeSettings(
  commands: CommandContext,
  actor: Actor,
  { webhooks: wanted }: SettingsChanges,
): Promise<Settings> {
  const told = (await allWebhooks(commands, actor)).filter(isTold)
  const id = wanted?.post_call_webhook_id
  const named = id === undefined ? told[0] : id === null ? undefined : await findWebhook(commands, actor, id)
  // The new one first: whatever happens in between, somebody is told.
  const changed = named === undefined ? undefined : await tell(commands, actor, { named, events: wanted?.events })
  for (const each of told) {
    if (each.id !== named?.id) await updateWebhook(commands, actor, each.id, { agentIds: [] })
  }
  return encodeSettings(changed)
}

/** Whoever is newly told hears of what happens from now on. */
function tell(
  commands: CommandContext,
  actor: Actor,
  { named, events }: { named: WebhookView; events: readonly WebhookEvent[] | null | undefined },
): Promise<WebhookView> {
  const formFields = { events: [...(events ?? eventsOf(named.formFields))] }
  const changes = { agentIds: null, batchIds: null, formFields, skipWaiting: !isTold(named) }
  return updateWebhook(commands, actor, named.id, changes)
}

function encodeSettings(told: WebhookView | undefined): Settings {
  return {
    webhooks: {
      post_call_webhook_id: told === undefined ? null : encodeId('webhook', told.id),
      events: [...eventsOf(told?.formFields ?? null)],
      transcript_format: 'json',
    },
  }
}
