import type { ZodType } from 'zod'
import type { AgentSpeech } from '../carriers/carrier.ts'

/** What an agent of one kind will do in one call, decided before the call is placed. */
export interface CallPlan {
  readonly speech: AgentSpeech
  /** A key by which the person asks not to be called again; null: none. */
  readonly stopKey: string | null
}

/** Variables of one recipient, by name. */
export type Variables = Readonly<Record<string, unknown>>

/**
 * Who speaks after the answer. An agent kind turns its settings and a recipient's variables into a plan; how the plan
 * reaches the person's ear is the business of the carrier and of the media path.
 */
export interface AgentKind<Settings = unknown> {
  readonly kind: string
  readonly summary: string
  readonly settings: ZodType<Settings>
  /** `variables` is only read when the plan needs it. Settings are those that `settings` parsed when they were stored. */
  plan(settings: Settings, variables: () => Variables): CallPlan
}
