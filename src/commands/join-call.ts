import { sleep } from '../clock.ts'
import { AppError } from '../errors.ts'
import { parseId } from '../model/id-cipher.ts'
import type { CallJoined, JoiningCaller } from '../model/joined-call.ts'
import type { CommandContext } from './context.ts'
import { findCallToJoin, type JoinedCall } from './join-token.ts'

/** Who joins a call that was asked for a moment ago waits until it is placed. */
const PLACED_WITHIN_MS = 5_000
const LOOK_AGAIN_MS = 100

/**
 * Makes sure that the call waits here, so that whoever joins is refused before their connection is made.
 *
 * @throws AppError `call-not-found`, also for a wrong token; `call-not-live`, `call-taken`, `call-not-ready`,
 *   `call-elsewhere`.
 */
export async function requireSeat(context: CommandContext, callId: string, token: string): Promise<void> {
  const { clock, signals } = context
  const startedAtMs = clock.monotonicMs()
  for (;;) {
    const { recipient } = await findCallToJoin(context, callId, token)
    const seat = signals.seatOf?.(refOf(callId)) ?? 'elsewhere'
    if (seat === 'free') return
    if (seat === 'taken') throw new AppError('call-taken')
    if (isOver(recipient, callId)) throw new AppError('call-not-live')
    const isPlaced = recipient.state !== 'waiting' && recipient.state !== 'due'
    if (clock.monotonicMs() - startedAtMs >= PLACED_WITHIN_MS) {
      throw new AppError(isPlaced ? 'call-elsewhere' : 'call-not-ready')
    }
    if (isPlaced && recipient.state !== 'dialing') throw new AppError('call-elsewhere')
    await sleep(clock, LOOK_AGAIN_MS)
  }
}

/** Connects somebody with the call of a seat that was free a moment ago; null: somebody was faster, or it is over. */
export function joinCall(context: CommandContext, callId: string, caller: JoiningCaller): CallJoined | null {
  return context.signals.join?.(refOf(callId), caller) ?? null
}

function refOf(callId: string): string {
  return parseId(callId) ?? ''
}

function isOver({ state, latestAttemptId }: JoinedCall['recipient'], callId: string): boolean {
  if (state === 'ended') return true
  return latestAttemptId !== null && parseId(latestAttemptId) !== parseId(callId)
}
