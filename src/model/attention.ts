/** How bad it is: `bad` keeps people from being called or told; `warning` wants somebody to look. */
export type AttentionLevel = 'bad' | 'warning'

interface AttentionRow {
  readonly level: AttentionLevel
  /** One sentence for people, without its details. */
  readonly text: string
  readonly remedy: string
}

/** Everything that somebody should look at, by its kind. A kind is part of the API and of the metrics. */
const ATTENTION = {
  'gate-held': {
    level: 'bad',
    text: 'Something holds the gate of the organization, and nobody can be dialled meanwhile',
    remedy: 'Look in pg_stat_activity for the transaction that is open longest, and end it with pg_terminate_backend.',
  },
  'no-live-node': {
    level: 'bad',
    text: 'No node has a valid lease, so nobody is dialled',
    remedy: 'Start a node, or see in the logs of those that run why they cannot renew their lease.',
  },
  'cycles-failing': {
    level: 'bad',
    text: 'A node fails again and again to dispatch for this organization',
    remedy: 'Its log has the error at each "A dispatch cycle failed"; what it holds is tried again all the time.',
  },
  'trunk-blocked': {
    level: 'bad',
    text: 'A trunk fails, and no call is sent through it before its next probe',
    remedy: 'Compare its settings with what the carrier gave you, and try it with POST /trunks/{id}/test.',
  },
  'batch-stalled': {
    level: 'bad',
    text: 'A batch runs and has people to call, and nobody was dialled for a long time',
    remedy: 'The reason says what is in the way.',
  },
  'batch-not-turned': {
    level: 'bad',
    text: 'The start or the expiry of a batch has passed and nothing happened',
    remedy: 'A node that lives does it within a second: look at the nodes and their logs.',
  },
  'due-overdue': {
    level: 'warning',
    text: 'People whose time to be tried again has come wait far beyond it',
    remedy: 'The reason says what is in the way; when it is a limit, raise it or call fewer at once.',
  },
  'call-overlong': {
    level: 'bad',
    text: 'A call lives far beyond the longest it can last, and keeps a line and its person busy',
    remedy:
      'Ask the carrier what became of it; its node goes on asking and ends it when the carrier knows nothing of it.',
  },
  'intent-overdue': {
    level: 'warning',
    text: 'A call was to be placed and the carrier has not said what became of it',
    remedy:
      'It is looked up and ends by itself, unknown at worst. When many wait, look at the trunk and its credentials.',
  },
  'unknown-outcomes': {
    level: 'warning',
    text: 'People may or may not have been called: the carrier never answered',
    remedy: 'They are not called again by themselves. POST /batches/{id}/retry with outcomes ["unknown"] asks for it.',
  },
  'webhook-paused': {
    level: 'bad',
    text: 'An endpoint was paused since it kept failing, and is told nothing',
    remedy: 'Repair the receiver, then POST /webhooks/{id}/resume; nothing that happened meanwhile is lost.',
  },
  'webhook-late': {
    level: 'warning',
    text: 'Webhooks wait long to be delivered',
    remedy: 'See the last error of the endpoint; deliveries are tried again with growing pauses.',
  },
} as const satisfies Record<string, AttentionRow>

export type AttentionKind = keyof typeof ATTENTION
export const ATTENTION_KINDS = Object.keys(ATTENTION) as readonly AttentionKind[]

/** One thing that somebody should look at. */
export interface Attention {
  readonly kind: AttentionKind
  readonly level: AttentionLevel
  readonly text: string
  readonly remedy: string
  /** How many calls, people or deliveries it is about; 1 for a thing. */
  readonly count: number
  /** Since when at least; null when that is not known. */
  readonly since: Date | null
  /** Id of the batch, trunk or webhook; null when it is about none. */
  readonly objectId: string | null
  /** What exactly, in one word: a reason to wait, a code of the database; null when there is nothing to add. */
  readonly reason: string | null
}

/** A finding with the words of its kind. `detail` ends the sentence, where there is more to say. */
export function attention(
  kind: AttentionKind,
  found: Partial<Pick<Attention, 'count' | 'since' | 'objectId' | 'reason'>> & { readonly detail?: string } = {},
): Attention {
  const { level, text, remedy } = ATTENTION[kind]
  const { count = 1, since = null, objectId = null, reason = null, detail } = found
  return {
    kind,
    level,
    text: `${text}${detail === undefined ? '' : `: ${detail}`}.`,
    remedy,
    count,
    since,
    objectId,
    reason,
  }
}

/** Every kind there is, for the reference page. */
export function describeAttention(): readonly (AttentionRow & { readonly kind: AttentionKind })[] {
  return ATTENTION_KINDS.map((kind) => ({ kind, ...ATTENTION[kind] }))
}
