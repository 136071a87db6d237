import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import { parseId } from '../model/id-cipher.ts'
import type { Actor, CommandContext } from './context.ts'

const SEAL_BYTES = 18
const TOKEN = /^(\d{1,10})\.(\d{1,16})\.([A-Za-z0-9_-]{24})$/

/** One thing of one organization that whoever has the link may read without a key. */
export interface LinkTarget {
  /** What may be read, as a word; a link for one thing opens no other. */
  readonly purpose: string
  /** Id in any spelling. */
  readonly id: string
}

/** The token of a link that opens until `expiresAtEpochMs`. */
export function signLink(
  { secrets }: Pick<CommandContext, 'secrets'>,
  { organizationId }: Pick<Actor, 'organizationId'>,
  target: LinkTarget & { expiresAtEpochMs: number },
): string {
  const seal = sealOf(secrets.cursorKey, { ...target, organizationId }).toString('base64url')
  return `${organizationId}.${target.expiresAtEpochMs}.${seal}`
}

/**
 * For whom a link may be read; the actor has no credential.
 * @throws AppError `link-invalid`, `link-expired`.
 */
export function openLink(
  { secrets, clock }: Pick<CommandContext, 'secrets' | 'clock'>,
  target: LinkTarget,
  token: string,
): Actor {
  const parts = TOKEN.exec(token)
  if (parts === null) throw new AppError('link-invalid')
  const [organizationId, expiresAtEpochMs] = [Number(parts[1]), Number(parts[2])]
  const seal = sealOf(secrets.cursorKey, { ...target, organizationId, expiresAtEpochMs })
  if (!timingSafeEqual(seal, Buffer.from(parts[3]!, 'base64url'))) throw new AppError('link-invalid')
  if (clock.nowEpochMs() >= expiresAtEpochMs) throw new AppError('link-expired')
  return { organizationId, credentialId: '' }
}

function sealOf(
  key: Buffer,
  { purpose, id, organizationId, expiresAtEpochMs }: LinkTarget & { organizationId: number; expiresAtEpochMs: number },
): Buffer {
  const text = `link\0${purpose}\0${organizationId}\0${parseId(id) ?? id}\0${expiresAtEpochMs}`
  return createHmac('sha256', key).update(text).digest().subarray(0, SEAL_BYTES)
}
