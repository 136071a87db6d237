import type { InvitationForm } from '../webhooks/invitation-form.ts'
import type { WebhookForm } from '../webhooks/webhook-form.ts'
import { cartesia } from './cartesia/dialect.ts'
import type { Dialect } from './dialect.ts'
import { elevenlabs } from './elevenlabs/dialect.ts'
import { native } from './native/dialect.ts'
import { retell } from './retell/dialect.ts'
import { trillet } from './trillet/dialect.ts'
import { ultravox } from './ultravox/dialect.ts'
import { zudu } from './zudu/dialect.ts'

/** Every wire format of this version. What belongs to none of them is answered in the form of the first. */
export const dialects: readonly [Dialect, ...Dialect[]] = [
  native,
  trillet,
  ultravox,
  cartesia,
  zudu,
  retell,
  elevenlabs,
]

const FORMS: ReadonlyMap<string, WebhookForm> = new Map(
  dialects.flatMap(({ webhookForms }) => (webhookForms ?? []).map((form) => [form.name, form])),
)

/** How the dialect of a batch asks for people to be brought; undefined where its batches hold no such people. */
export function invitationForm(dialect: string): InvitationForm | undefined {
  return dialects.find(({ name }) => name === dialect)?.invitation
}

/** A wire form of webhooks by its name. */
export function webhookForm(name: string): WebhookForm | undefined {
  return FORMS.get(name)
}
