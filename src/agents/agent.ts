import type { ZodType } from 'zod'
import type { AgentSpeech } from '../carriers/carrier.ts'

/** Variables of one recipient, by name. */
export type Variables = Readonly<Record<string, unknown>>

/**
 * Who speaks after the answer. An agent kind turns its settings, as they were stored, and a recipient's variables into speech;
 * how it reaches the person's ear is the business of the carrier and of the media path.
 */
export interface AgentKind<Settings = unknown> {
  readonly kind: string
  readonly summary: string
  readonly settings: ZodType<Settings>
  /** What is said in one call, decided before it is placed. `variables` is only asked for when the text needs it. */
  speech(settings: Settings, variables: () => Variables): AgentSpeech
  /** The key by which a person asks not to be called again; null: there is none. */
  stopKey(settings: Settings): string | null
  /** What its owner should look at, in sentences for people; the settings are taken all the same. */
  warnings?(settings: Settings): readonly string[]
}
