import type { JsonObject, WebhookFormTerms } from '../commands/context.ts'
import type { AttemptView, BatchView, EventView, RecipientView } from '../commands/views.ts'

/**
 * A wire form of webhooks: what is posted for an event, and how it is signed. Native ones follow Standard Webhooks;
 * a dialect whose clients expect another form keeps it in its folder as `webhook.ts` and lists it in
 * `Dialect.webhookForms`.
 *
 * What a form is not: it sends nothing, keeps nothing, and decides neither when something is tried again nor who is
 * told. That is the deliverer's, the same for all forms.
 */
export interface WebhookForm extends WebhookFormTerms {
  /**
   * `event`: the entry of the log is enough. `call`: `encode` is given the batch, the recipient and the attempt too,
   * as they are when it is sent; reading them costs.
   */
  readonly needs: 'event' | 'call'
  /** Pauses before the second try, the third and so on; after the last one the delivery is given up. Empty: one try. */
  readonly retryDelaysMs: readonly number[]
  /**
   * What is posted. Called again for every try, so that a signature with a time in it is fresh. Null: the event has
   * nothing to tell in this form, and its delivery is dropped.
   */
  encode(message: WebhookMessage): EncodedWebhook | null
}

/** An event on its way to one endpoint. */
export interface WebhookMessage {
  readonly event: EventView
  /** Null for a form that needs only the event, and for events of a batch as a whole. */
  readonly call: WebhookCall | null
  /** Null for a form that needs only the event. */
  readonly batch: BatchView | null
  readonly endpoint: {
    readonly id: string
    readonly url: string
    /** What the dialect stored with the endpoint. */
    readonly formFields: JsonObject | null
  }
  /** Those that are valid now, the newest first: at least one. */
  readonly secrets: readonly [string, ...string[]]
  /** When this try is made. */
  readonly sentAt: Date
}

export interface WebhookCall {
  readonly recipient: RecipientView
  /** The attempt that the event speaks of; null when it speaks of none. */
  readonly attempt: AttemptView | null
}

export interface EncodedWebhook {
  /** Sent byte for byte: what was signed must be what is read. */
  readonly body: string
  /** Beside `content-type`, which is `application/json` unless it stands here. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}
