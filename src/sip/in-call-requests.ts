import { tagOf } from './addresses.ts'
import { ALLOW, contactUri } from './dialog.ts'
import { readCseq, type SipRequest } from './message.ts'
import { type ResponseOptions, responseTo } from './response.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { readSessionExpires } from './session-timer.ts'

/** What of a call decides how a request within it is answered. */
export interface CallView {
  readonly localTag: string
  readonly contact: string
  /** Null: the call is not answered yet. */
  readonly remoteTag: string | null
  /** The highest number the other side has used. */
  readonly remoteSequence: number
  /** A change of ours is on its way, so that another one must wait. */
  readonly refreshing: boolean
  readonly localSdp: Buffer
  readonly onOffer: (offer: Buffer | null) => Buffer | null
}

/** What a request within the call has changed. */
export interface Reached {
  readonly sequence: number
  readonly bye: boolean
  readonly key: string | null
  readonly target: string | null
  readonly localSdp: Buffer | null
  readonly session: { readonly seconds: number; readonly weRefresh: boolean } | null
  /** The answer to a re-INVITE, which the other side must acknowledge. */
  readonly acknowledged: ServerTransaction | null
}

const NOTHING = { bye: false, key: null, target: null, localSdp: null, session: null, acknowledged: null }

/** Answers one request of the other side within a call. Null: it changed nothing. */
export function answerInCall(server: ServerTransaction, view: CallView): Reached | null {
  const { request } = server
  const respond = (status: ResponseOptions['status'], more: Partial<ResponseOptions> = {}) =>
    server.respond(responseTo(request, { status, peer: server.peer, localTag: view.localTag, ...more }))
  const { number: sequence } = readCseq(request.headers)!
  if (view.remoteTag === null || (tagOf(request.headers.get('from')) ?? '') !== view.remoteTag) {
    respond(request.method === 'OPTIONS' ? 200 : 481)
    return null
  }
  if (sequence <= view.remoteSequence) {
    respond(500)
    return null
  }
  const reached = { ...NOTHING, sequence }
  switch (request.method) {
    case 'BYE':
      respond(200)
      return { ...reached, bye: true }
    case 'INVITE':
    case 'UPDATE':
      return change(server, { view, reached, respond })
    case 'INFO':
      respond(200)
      return { ...reached, key: keyOf(request) }
    case 'OPTIONS':
    case 'NOTIFY':
      respond(200, { headers: [['allow', ALLOW]] })
      return reached
    case 'REFER':
      respond(603)
      return reached
    default:
      respond(405, { headers: [['allow', ALLOW]] })
      return reached
  }
}

interface Change {
  readonly view: CallView
  readonly reached: Reached
  readonly respond: (status: ResponseOptions['status'], more?: Partial<ResponseOptions>) => void
}

function change(server: ServerTransaction, { view, reached, respond }: Change): Reached {
  const { request } = server
  const hasOffer = request.body.length > 0
  const isInvite = request.method === 'INVITE'
  if (view.refreshing && (hasOffer || isInvite)) {
    respond(491)
    return reached
  }
  const description = hasOffer || isInvite ? view.onOffer(hasOffer ? request.body : null) : null
  if (description === null && (hasOffer || isInvite)) {
    respond(488)
    return reached
  }
  const session = readSessionExpires(request.headers)
  const refresher = session?.refresher ?? 'uac'
  respond(200, {
    headers: [
      ['contact', view.contact],
      ['allow', ALLOW],
      ['supported', 'timer'],
      ...(session === null
        ? []
        : ([
            ['session-expires', `${session.seconds};refresher=${refresher}`],
            ['require', 'timer'],
          ] as const)),
      ...(description === null ? [] : ([['content-type', 'application/sdp']] as const)),
    ],
    ...(description === null ? {} : { body: description }),
  })
  return {
    ...reached,
    target: contactUri(request.headers),
    localSdp: description,
    // In their request they are the client: `uas` is us.
    session: session === null ? null : { seconds: session.seconds, weRefresh: refresher === 'uas' },
    acknowledged: isInvite ? server : null,
  }
}

/** A key press by INFO, as `application/dtmf-relay` or `application/dtmf` carry it. */
function keyOf(request: SipRequest): string | null {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  const text = request.body.toString('latin1', 0, 200)
  const match =
    type === 'application/dtmf-relay'
      ? /^[ \t]*Signal[ \t]*=[ \t]*([0-9*#A-D])[ \t]*$/im.exec(text)
      : type === 'application/dtmf'
        ? /^[ \t]*([0-9*#A-D])[ \t]*$/i.exec(text.trim())
        : null
  return match?.[1]?.toUpperCase() ?? null
}
