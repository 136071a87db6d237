import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import { parseId } from '../model/id-cipher.ts'
import type { Actor, CommandContext } from './context.ts'
import { getBatch } from './get-batch.ts'
import { getRecipient } from './get-recipient.ts'
import type { BatchView, RecipientView } from './views.ts'

const TOKEN_BYTES = 18

/** Lets its bearer join one call that somebody else was asked to place; it stands in the address to be joined. */
export function joinToken(context: Pick<CommandContext, 'secrets'>, callId: string): string {
  return tokenOf(context, callId).toString('base64url')
}

function isJoinToken(context: Pick<CommandContext, 'secrets'>, callId: string, token: string): boolean {
  const given = Buffer.from(token, 'base64url')
  return given.length === TOKEN_BYTES && timingSafeEqual(given, tokenOf(context, callId))
}

function tokenOf({ secrets }: Pick<CommandContext, 'secrets'>, callId: string): Buffer {
  const hmac = createHmac('sha256', secrets.cursorKey).update(`join call\0${parseId(callId) ?? ''}`)
  return hmac.digest().subarray(0, TOKEN_BYTES)
}

/** A call that somebody wants to join with the address that was handed out. */
export interface JoinedCall {
  readonly actor: Actor
  readonly recipient: RecipientView
  readonly batch: BatchView
}

/** @throws AppError `call-not-found`, also for a wrong token. */
export async function findCallToJoin(context: CommandContext, callId: string, token: string): Promise<JoinedCall> {
  const parts = isJoinToken(context, callId, token) ? context.secrets.ids.decode(callId) : null
  if (parts === null) throw new AppError('call-not-found')
  const actor = { organizationId: parts.organizationId, credentialId: '' }
  const { recipient } = await getRecipient(context, actor, callId).catch(asCallNotFound)
  return { actor, recipient, batch: await getBatch(context, actor, recipient.batchId) }
}

function asCallNotFound(error: unknown): never {
  throw error instanceof AppError && error.code === 'recipient-not-found' ? new AppError('call-not-found') : error
}
