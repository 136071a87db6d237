import { z } from 'zod'

/** Nothing to set: who is asked stands with each batch. */
export const invitationSettings = z.strictObject({})
export type InvitationSettings = z.infer<typeof invitationSettings>
