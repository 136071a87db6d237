import type { Cause } from '../../model/cause.ts'
import type { AttemptDisposition } from '../../model/disposition.ts'
import type { InvitationAnswer } from '../carrier.ts'

/** How a call ends by the answer to its invitation; null: it goes on, and somebody may join it. */
export const END_OF_ANSWER = {
  joinable: null,
  'cannot-be-joined': { disposition: 'failed', cause: 'cannot-be-joined' },
  refused: { disposition: 'failed', cause: 'invitation-refused' },
} as const satisfies Record<
  Exclude<InvitationAnswer, 'not-sent'>,
  { readonly disposition: AttemptDisposition; readonly cause: Cause } | null
>

/** How an answered call ended when the one who had joined went. */
export const END_OF_LEAVING = {
  'hung-up': 'callee-hung-up',
  silent: 'inactivity',
  lost: 'media-lost',
} as const satisfies Record<string, Cause>
