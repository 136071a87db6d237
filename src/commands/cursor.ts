import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Actor, CommandContext } from './context.ts'

/**
 * Cursors are sealed: one of another list, another organization or another order is refused and never misread.
 * `list` names the list with everything that decides its order and its members.
 */
export function sealCursor(
  context: Pick<CommandContext, 'secrets'>,
  actor: Pick<Actor, 'organizationId'>,
  list: string,
  position: readonly (number | string)[],
): string {
  const body = Buffer.from(JSON.stringify(position))
  return Buffer.concat([sealOf(context, actor, list, body), body]).toString('base64url')
}

/** @throws AppError `invalid-cursor`. */
export function openCursor(
  context: Pick<CommandContext, 'secrets'>,
  actor: Pick<Actor, 'organizationId'>,
  list: string,
  cursor: string,
): readonly (number | string)[] {
  const bytes = cursor.length <= CURSOR_CHARS_MAX ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0)
  const body = bytes.subarray(SEAL_BYTES)
  const seal = sealOf(context, actor, list, body)
  const genuine = bytes.length > SEAL_BYTES && timingSafeEqual(seal, bytes.subarray(0, SEAL_BYTES))
  if (!genuine) throw new AppError('invalid-cursor', { field: 'cursor' })
  return JSON.parse(body.toString()) as (number | string)[]
}

const SEAL_BYTES = 12
const CURSOR_CHARS_MAX = 1_000

function sealOf(
  context: Pick<CommandContext, 'secrets'>,
  actor: Pick<Actor, 'organizationId'>,
  list: string,
  body: Buffer,
): Buffer {
  return createHmac('sha256', context.secrets.cursorKey)
    .update(`${actor.organizationId}\0${list}\0`)
    .update(body)
    .digest()
    .subarray(0, SEAL_BYTES)
}
