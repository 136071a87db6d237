import type { AttemptView, BatchView, RecipientView } from '../commands/views.ts'

/**
 * How whoever made a batch is asked to bring somebody who has no number: a wire form of a dialect whose batches may
 * hold such people, kept in its folder as `webhook.ts`. It sends nothing and decides nothing.
 */
export interface InvitationForm {
  /**
   * Null: the batch names nobody who could be asked. `nobody-to-ask`: whoever asked for the call has the address
   * already.
   */
  encode(message: InvitationMessage): EncodedInvitation | 'nobody-to-ask' | null
}

export interface InvitationMessage {
  readonly batch: BatchView
  readonly recipient: RecipientView
  readonly attempt: AttemptView
  /** Where the server that placed the call can be reached, without a slash at its end. */
  readonly nodeUrl: string
  /** Lets its bearer join this call. */
  readonly joinToken: string
  readonly sentAt: Date
}

export interface EncodedInvitation {
  readonly url: string
  /** Sent byte for byte: what was signed must be what is read. */
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** False: the server is told, and then the call ends, since this version has no way to take it. */
  readonly isJoinable: boolean
}
