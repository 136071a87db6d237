import type { Actor, CommandContext } from '../../commands/context.ts'
import type { WebhookView } from '../../commands/views.ts'
import { getWebhook, listWebhooks, updateWebhook } from '../../commands/webhooks.ts'
import { AppError } from '../../errors.ts'
import { everyPage } from '../every-page.ts'
import { decodeId } from './ids.ts'
import { CARTESIA_FORM } from './webhook.ts'

/**
 * In this wire format an agent names its one webhook; in the core an endpoint names its agents, none at first.
 */
export function allWebhooks(commands: CommandContext, actor: Actor): Promise<WebhookView[]> {
  return everyPage((cursor) => listWebhooks(commands, actor, { form: CARTESIA_FORM, cursor, limit: 1_000 }))
}

export function isAttached({ agentIds }: WebhookView, agentId: string): boolean {
  return agentIds?.includes(agentId) === true
}

/** @throws AppError `webhook-not-found`, also for one of another wire form. */
export async function findWebhook(commands: CommandContext, actor: Actor, id: string): Promise<WebhookView> {
  const found = await getWebhook(commands, actor, decodeId('webhook', id))
  if (found.form !== CARTESIA_FORM) throw new AppError('webhook-not-found')
  return found
}

/** From now on this webhook, and no other of this wire format, is told of the agent's calls. Null: none is. */
export async function attachWebhook(
  { commands, actor }: { commands: CommandContext; actor: Actor },
  agentId: string,
  wanted: WebhookView | null,
): Promise<void> {
  for (const webhook of await allWebhooks(commands, actor)) {
    const others = (webhook.agentIds ?? []).filter((id) => id !== agentId)
    const isWanted = webhook.id === wanted?.id
    if (isWanted === isAttached(webhook, agentId)) continue
    // What waits was called before it was asked for; only where it is told of others, too, must it be kept.
    const skipWaiting = isWanted && others.length === 0
    await updateWebhook(commands, actor, webhook.id, {
      agentIds: isWanted ? [...others, agentId] : others,
      skipWaiting,
    })
  }
}
