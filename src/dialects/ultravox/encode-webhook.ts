import type { WebhookView } from '../../commands/views.ts'
import { WEBHOOK_EVENTS, type Webhook, type WebhookEvent } from './wire.ts'

/** So many failures in a row are no accident. */
const UNHEALTHY_FROM = 3

/** `secrets` only in the answer to a request that set them: they are sealed, and shown no second time. */
export function encodeWebhook(view: WebhookView, secrets?: readonly string[]): Webhook {
  const unhealthy = view.status === 'paused' || view.failuresInRow >= UNHEALTHY_FROM
  const changedAt = view.pausedAt ?? (unhealthy ? view.failingSince : null)
  const failedAt = view.pausedAt ?? view.failingSince
  return {
    webhookId: view.id,
    agentId: view.agentIds?.[0] ?? null,
    created: view.createdAt.toISOString(),
    url: view.url,
    ...(secrets === undefined ? {} : { secrets: [...secrets] }),
    events: eventsOf(view),
    status: unhealthy ? 'unhealthy' : 'normal',
    lastStatusChange: changedAt?.toISOString() ?? null,
    recentFailures:
      view.lastError === null || failedAt === null
        ? []
        : [{ timestamp: failedAt.toISOString(), failure: view.pausedReason ?? view.lastError }],
  }
}

function eventsOf({ formFields }: WebhookView): WebhookEvent[] {
  const stored = (formFields?.events ?? []) as readonly WebhookEvent[]
  return WEBHOOK_EVENTS.filter((event) => stored.includes(event))
}
