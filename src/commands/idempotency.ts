import type { Timer } from '../clock.ts'
import { AppError, invalidInput } from '../errors.ts'
import type { SecretPlace } from '../model/secret-box.ts'
import { settingsOf } from '../store/database.ts'
import { readAnswer, releaseKey, renewLease, storeAnswer, sweepAnswers, takeKey } from '../store/idempotent-answers.ts'
import { JointTransaction } from '../store/joint-transaction.ts'
import { ownerTransaction } from '../store/owner-transaction.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'

export interface IdempotentRequest {
  /** 1 to 255 printable characters. */
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

/** How long a request may be at work before another may take it over. */
export const IDEMPOTENCY_LEASE_SECONDS = 60
/** How long answers are kept. */
export const IDEMPOTENCY_HOURS = 48
/** A request that has not answered after half an hour is given up. */
const RENEWALS_MAX = 90
const RENEW_MS = (IDEMPOTENCY_LEASE_SECONDS * 1_000) / 3
const SWEEP_EVERY_MS = 3_600_000
const KEY = /^[\x21-\x7e]{1,255}$/

/** The timer that keeps the lease of each request that is at work in this process. */
const renewals = new WeakMap<IdempotentRequest, Timer>()
/** What requests do in one transaction with their answers. */
const joints = new WeakMap<IdempotentRequest, JointTransaction>()
/** When each server swept last, by its monotonic clock. */
const sweptAtMs = new WeakMap<CommandContext, number>()

/**
 * Begins a request that carries an idempotency key. The lease is renewed while this process works on it, so that a long
 * upload is not begun again beside itself. A request whose process died is taken over after the lease. What it did and
 * the answer that says so are one transaction ({@link joinEffects}), so it left both or nothing; a batch is noted with
 * the key by the transaction that made it (`BatchInput.idempotent`), so that whoever takes over gets that batch and makes
 * no second one.
 *
 * @throws AppError `idempotency-key-reused` (422) for another request, `request-in-progress` (409), `invalid-input`.
 */
export async function beginIdempotent(
  context: CommandContext,
  actor: Actor,
  request: IdempotentRequest,
): Promise<IdempotencyVerdict> {
  if (!KEY.test(request.key)) throw invalidInput('Idempotency-Key', 'must have 1 to 255 printable characters')
  const row = { organizationId: actor.organizationId, ...request }
  const times = { leaseSeconds: IDEMPOTENCY_LEASE_SECONDS, keptHours: IDEMPOTENCY_HOURS }
  await sweepNowAndThen(context)
  const verdict = await inOrganization(context, actor, async (client): Promise<IdempotencyVerdict> => {
    if (await takeKey(client, row, times)) return { kind: 'work' }
    const known = await readAnswer(client, row)
    // Gone between the two statements: whoever had it gave it up, and asking again works.
    if (known === undefined) throw new AppError('request-in-progress')
    if (!known.request_hash.equals(request.requestHash)) throw new AppError('idempotency-key-reused')
    if (known.http_status === null) throw new AppError('request-in-progress')
    const { http_status: httpStatus, content_type: contentType, body } = known
    const opened = body === null ? Buffer.alloc(0) : openBody(context, row, body)
    return { kind: 'replay', answer: { httpStatus, contentType: contentType ?? '', body: opened } }
  })
  if (verdict.kind === 'work') keepLease(context, actor, request, 1)
  return verdict
}

/**
 * Makes all that `next` begins one transaction with the answer: {@link finishIdempotent} commits it and
 * {@link abandonIdempotent} takes it back. Not for commands that wait for what other transactions do, nor for long ones,
 * since what they lock stays locked until the answer.
 */
export function joinEffects(context: CommandContext, request: IdempotentRequest, next: () => void): void {
  const joint = new JointTransaction(context.database)
  joints.set(request, joint)
  joint.run(next)
}

/**
 * Stores the answer for 48 hours; every repetition of the request gets it.
 * @throws AppError `request-in-progress` when another worker of the same request was faster; what this one did is gone.
 */
export async function finishIdempotent(
  context: CommandContext,
  actor: Actor,
  request: IdempotentRequest,
  answer: StoredAnswer,
): Promise<void> {
  dropLease(request)
  const { organizationId } = actor
  const row = { organizationId, ...request }
  const body = context.secrets.box.seal(answer.body.toString('latin1'), placeOfBody(row))
  const sealed = { ...answer, body }
  const joint = joints.get(request)
  if (joint === undefined) {
    await inOrganization(context, actor, (client) => storeAnswer(client, row, sealed))
    return
  }
  await joint.commit(settingsOf({ role: 'carillon_api', organizationId }), async (client) => {
    if (!(await storeAnswer(client, row, sealed))) throw new AppError('request-in-progress')
  })
  // Whoever was woken by the command itself may have looked before the commit.
  if (organizationId !== 0) context.signals.wake(organizationId)
}

/** Answers hold secrets that are shown once, such as a new key: they are stored sealed. @throws SecretUnreadable. */
export function openBody(
  context: Pick<CommandContext, 'secrets'>,
  row: { organizationId: number; key: string },
  sealed: Buffer,
): Buffer {
  return Buffer.from(context.secrets.box.open(sealed, placeOfBody(row)), 'latin1')
}

function placeOfBody({ organizationId, key }: { organizationId: number; key: string }): SecretPlace {
  return { organizationId, table: 'idempotent_answer', column: 'body', rowId: key }
}

/** Forgets a key whose request failed in a way that may work another time. */
export async function abandonIdempotent(
  context: CommandContext,
  actor: Actor,
  request: IdempotentRequest,
): Promise<void> {
  dropLease(request)
  await joints.get(request)?.rollback()
  const row = { organizationId: actor.organizationId, ...request }
  await inOrganization(context, actor, (client) => releaseKey(client, row))
}

function keepLease(context: CommandContext, actor: Actor, request: IdempotentRequest, round: number): void {
  const timer = context.clock.setTimer(RENEW_MS, () => {
    void renew(context, actor, request, round)
  })
  renewals.set(request, timer)
}

async function renew(context: CommandContext, actor: Actor, request: IdempotentRequest, round: number): Promise<void> {
  const row = { organizationId: actor.organizationId, ...request }
  const renewed = await inOrganization(context, actor, (client) =>
    renewLease(client, row, IDEMPOTENCY_LEASE_SECONDS),
  ).catch(
    // The database is away for a moment; the next renewal may still come in time.
    () => true,
  )
  if (renewed && round < RENEWALS_MAX && renewals.has(request)) keepLease(context, actor, request, round + 1)
}

function dropLease(request: IdempotentRequest): void {
  renewals.get(request)?.cancel()
  renewals.delete(request)
}

/** Once an hour in each process. What fails is tried again an hour later. */
async function sweepNowAndThen(context: CommandContext): Promise<void> {
  const nowMs = context.clock.monotonicMs()
  const sweptMs = sweptAtMs.get(context)
  if (sweptMs !== undefined && nowMs - sweptMs < SWEEP_EVERY_MS) return
  sweptAtMs.set(context, nowMs)
  await ownerTransaction(context.database, (client) => sweepAnswers(client, IDEMPOTENCY_HOURS)).catch(() => undefined)
}
