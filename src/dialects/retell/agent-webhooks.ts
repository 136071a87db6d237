import type { WebhookView } from '../../commands/views.ts'
import {
  createWebhook,
  deleteWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../commands/webhooks.ts'
import type { WebhookForm } from '../../webhooks/webhook-form.ts'
import { everyPage, ROWS_AT_ONCE } from '../every-page.ts'
import type { Asking } from '../find-by-id.ts'
import { analysisWebhook, callWebhook, kindsFor } from './webhook.ts'
import { WEBHOOK_EVENTS, type WebhookEvent } from './wire.ts'

const FORMS = [callWebhook, analysisWebhook] as const

/** In this wire format an agent has an address of its own; in the core an endpoint names its agents. */
export interface AgentWebhook {
  readonly url: string
  readonly events: readonly WebhookEvent[]
}

/** The address of one agent; null: it has none. */
export async function readAgentWebhook(asking: Asking, agentId: string): Promise<AgentWebhook | null> {
  const ours = await endpointsOf(asking, agentId)
  const [first] = ours
  if (first === undefined) return null
  const told = (event: WebhookEvent) =>
    ours.some((each) => {
      const form = FORMS.find(({ name }) => name === each.form)!
      return kindsFor(form, [event]).some((kind) => (each.kinds ?? form.kinds).includes(kind))
    })
  return { url: first.url, events: WEBHOOK_EVENTS.filter(told) }
}

/**
 * From now on this address, signed with this secret, is told of the agent's calls; null: none is. Endpoints that name
 * more agents than this one, or all, stay as they are.
 */
export async function writeAgentWebhook(
  asking: Asking,
  agentId: string,
  wanted: (AgentWebhook & { readonly secret: string }) | null,
): Promise<void> {
  const { commands, actor } = asking
  const known = await endpointsOf(asking, agentId)
  for (const form of FORMS) {
    const [endpoint] = known.filter((each) => each.form === form.name)
    const kinds = wanted === null ? [] : kindsFor(form, wanted.events)
    if (wanted === null || kinds.length === 0) {
      if (endpoint !== undefined) await deleteWebhook(commands, actor, endpoint.id)
      continue
    }
    const { url, secret } = wanted
    if (endpoint === undefined) await makeEndpoint(asking, { form, agentId, kinds, url, secret })
    else {
      await updateWebhook(commands, actor, endpoint.id, { url, kinds })
      await rotateWebhookSecret(commands, actor, endpoint.id, { secret, keepSeconds: 0 })
    }
  }
}

async function makeEndpoint(
  { commands, actor }: Asking,
  {
    form,
    agentId,
    ...rest
  }: { form: WebhookForm; agentId: string } & Pick<WebhookView, 'url' | 'kinds'> & {
      secret: string
    },
): Promise<void> {
  await createWebhook(commands, actor, { ...rest, form: form.name, agentIds: [agentId] })
}

async function endpointsOf({ commands, actor }: Asking, agentId: string): Promise<WebhookView[]> {
  const all: WebhookView[] = []
  for (const { name: form } of FORMS) {
    all.push(...(await everyPage((cursor) => listWebhooks(commands, actor, { form, cursor, limit: ROWS_AT_ONCE }))))
  }
  return all.filter(({ agentIds }) => agentIds?.length === 1 && agentIds[0] === agentId)
}
