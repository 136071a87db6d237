import type { Actor, CommandContext } from '../../commands/context.ts'
import type { WebhookView } from '../../commands/views.ts'
import { getWebhook, listWebhooks, updateWebhook } from '../../commands/webhooks.ts'
import { AppError } from '../../errors.ts'
import { unixOf } from './encode.ts'
import { decodeId, encodeId } from './ids.ts'
import { everyPage } from './route-parts.ts'
import { ELEVENLABS_FORM, eventsOf } from './webhook.ts'
import type { Settings, SettingsChanges, Webhook } from './wire-account.ts'

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

function isTold({ agentIds }: WebhookView): boolean {
  return agentIds === null
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
  const all = await allWebhooks(commands, actor)
  const told = all.find(isTold)
  const id = wanted?.post_call_webhook_id
  const named = id === undefined ? told : id === null ? undefined : await findWebhook(commands, actor, id)
  for (const each of all) {
    if (each.id !== named?.id && isTold(each)) await updateWebhook(commands, actor, each.id, { agentIds: [] })
  }
  if (named === undefined) return encodeSettings(undefined)
  const events = [...(wanted?.events ?? eventsOf(named.formFields))]
  // Whoever is newly told hears of what happens from now on.
  const changes = { agentIds: null, formFields: { events }, skipWaiting: !isTold(named) }
  return encodeSettings(await updateWebhook(commands, actor, named.id, changes))
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
