import type { Actor, CommandContext } from './context.ts'

export interface IdempotentRequest {
  readonly key: string
  /** SHA-256 over method, path and canonical body. */
  readonly requestHash: Buffer
}
export interface StoredAnswer {
  readonly httpStatus: number
  readonly contentType: string
  readonly body: Buffer
}
/** `work`: do it, then call `finishIdempotent`. `replay`: send this answer with `Idempotent-Replayed: true`. */
export type IdempotencyVerdict = { readonly kind: 'work' } | { readonly kind: 'replay'; readonly answer: StoredAnswer }

/** @throws AppError `idempotency-key-reused` (422), `request-in-progress` (409). */
export function beginIdempotent(_c: CommandContext, _actor: Actor, _request: IdempotentRequest): Promise<IdempotencyVerdict> {
  throw new Error('not filled in')
}
export function finishIdempotent(_c: CommandContext, _actor: Actor, _request: IdempotentRequest, _answer: StoredAnswer): Promise<void> {
  throw new Error('not filled in')
}
/** Forgets a key whose request failed in a way that may work another time. */
export function abandonIdempotent(_c: CommandContext, _actor: Actor, _request: IdempotentRequest): Promise<void> {
  throw new Error('not filled in')
}
