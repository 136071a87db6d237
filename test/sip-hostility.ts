import { Authorization } from '../src/sip/authorization.ts'
import { SipHeaders, type SipRequest, type SipResponse, writeMessage } from '../src/sip/message.ts'
import { OutgoingCall } from '../src/sip/outgoing-call.ts'
import type { Peer } from '../src/sip/peer.ts'
import { DescriptionFault, readDescription } from '../src/sip/sdp.ts'
import { StreamFault, StreamReader } from '../src/sip/stream-reader.ts'
import { Transactions } from '../src/sip/transactions.ts'
import { FakeClock } from './fake-clock.ts'

const PEER: Peer = { transport: 'udp', address: '192.0.2.1', port: 5060, serverName: null }
const ODD = [
  '\r\n',
  '\0',
  '"',
  '<',
  '>',
  ';',
  ',',
  '%',
  '\\',
  '\t',
  '',
  'é',
  '\uffff',
  '(',
  '[',
  ']',
  ':',
  '@',
  ' ',
] as const
const WORDS = [
  'Via: SIP/2.0/UDP x;branch=',
  'Contact: <sip:a@[::1]:99999;transport=tls?x=y>',
  'Record-Route: <sip:p;lr>, <sip:q>, "x" <sip:r;lr>',
  'Session-Expires: 99999999999;refresher=uas',
  'Reason: Q.850;cause=abc, SIP;cause=487',
  'WWW-Authenticate: Digest realm="', // unfinished on purpose
  'CSeq: 2147483647 INVITE',
  'Content-Length: 999999',
  'Content-Length: -1',
  'l: 0',
  'Require: 100rel',
] as const

/** Numbers that the same seed repeats. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** A call that lives, and a way to throw messages at it as if they had come from the network. */
export function callUnderFire(random: (below: number) => number) {
  const clock = new FakeClock()
  const ended: string[] = []
  let sent = 0
  let call = begin()
  const reader = { stream: new StreamReader() }

  function begin() {
    const state = { invite: null as SipRequest | null, call: null as OutgoingCall | null }
    const transactions: Transactions = new Transactions({
      clock,
      send(bytes) {
        sent += bytes.length
        return true
      },
      onRequest(server) {
        state.call!.receive(server)
        return true
      },
      onStrayAnswer: (response) => state.call!.receiveStray(response),
    })
    const leg = {
      callId: 'call-under-fire',
      localTag: 'ours',
      from: '<sip:a@example.com>',
      to: '<sip:b@example.com>',
      requestUri: 'sip:b@example.com',
      peer: PEER,
      sentBy: '192.0.2.9:5060',
      contact: '<sip:carillon@192.0.2.9:5060>',
    }
    const options = {
      leg,
      offer: OFFER,
      headers: [],
      authorization: new Authorization({ username: 'u', password: 'p' }),
      ringTimeoutMs: 60_000,
      endsByEpochMs: 0,
    }
    const wire = {
      clock,
      request(request: SipRequest, peer: Peer, listener: Parameters<Transactions['request']>[2]) {
        if (request.method === 'INVITE') state.invite = request
        return transactions.request(request, peer, listener)
      },
      send: () => true,
      reachAgain: async () => undefined,
      onEnded: () => undefined,
    }
    state.call = new OutgoingCall(wire, options, {
      onProgress: ({ body }) => look(body),
      onAnswered({ body }) {
        look(body)
        return true
      },
      onOffer(offer) {
        return offer === null || look(offer) ? OFFER : null
      },
      onKey: () => undefined,
      onSilence: () => undefined,
      onRedirected: () => undefined,
      onEnded: (ending) => void ended.push(ending.kind),
    })
    state.call.start()
    return { ...state, transactions, current: () => state }
  }

  function valid(): SipRequest | SipResponse {
    const invite = call.current().invite!
    const tag = ['', ';tag=theirs', ';tag=another'][random(3)]!
    const body = random(2) === 0 ? OFFER : Buffer.alloc(0)
    if (random(3) > 0) {
      const headers = new SipHeaders(
        invite.headers.entries().map(([name, value]) => [name, name === 'to' ? value + tag : value]),
      )
      const statuses = [100, 180, 183, 200, 200, 302, 401, 407, 422, 486, 491, 503, 603, 699]
      return { kind: 'response', status: statuses[random(statuses.length)]!, reason: 'x', headers, body }
    }
    const methods = ['BYE', 'INVITE', 'UPDATE', 'INFO', 'OPTIONS', 'ACK', 'CANCEL', 'REFER', 'FOO']
    const method = methods[random(methods.length)]!
    const headers = new SipHeaders([
      ['via', `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK${random(1000)}`],
      ['from', `<sip:b@example.com>${tag}`],
      ['to', '<sip:a@example.com>;tag=ours'],
      ['call-id', 'call-under-fire'],
      ['cseq', `${random(100_000)} ${method}`],
    ])
    return { kind: 'request', method, uri: 'sip:carillon@192.0.2.9', headers, body }
  }

  function mutated(): Buffer {
    let text = writeMessage(valid()).toString()
    for (let count = random(5); count > 0; count--) {
      const at = random(text.length + 1)
      const kind = random(7)
      if (kind === 0) text = text.slice(0, at)
      else if (kind === 1) text = text.slice(0, at) + ODD[random(ODD.length)]! + text.slice(at)
      else if (kind === 2) text = text.slice(0, at) + text.slice(at + 1 + random(20))
      else if (kind === 3) text = text.replace('\r\n', `\r\n${WORDS[random(WORDS.length)]!}\r\n`)
      else if (kind === 4)
        text = text.slice(0, at) + (ODD[random(ODD.length)]! || 'x').repeat(random(2000)) + text.slice(at)
      else if (kind === 5) text = text.replace(/\r\n(\w)/, `\r\n ${'$1'}`)
      else text = text.replaceAll(String(random(10)), '9'.repeat(1 + random(12)))
    }
    return Buffer.from(text)
  }

  return {
    ended,
    get sentBytes() {
      return sent
    },
    get liveTransactions() {
      return call.transactions.live
    },
    get pendingTimers() {
      return clock.pendingTimers
    },
    /** One message, of whatever kind; throws when the product does. */
    fire(): void {
      const bytes = random(20) === 0 ? noise(random) : mutated()
      call.transactions.receive(bytes, PEER)
      look(bytes)
      feed(reader, bytes)
      if (random(50) === 0) clock.advance(random(3000))
      if (!call.current().call!.isOver || random(100) > 0) return
      call.transactions.close()
      call = begin()
    },
    close: () => call.transactions.close(),
  }
}

const OFFER = Buffer.from(
  'v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n',
)

function noise(random: (below: number) => number): Buffer {
  const bytes = Buffer.alloc(random(70_000))
  for (let at = 0; at < bytes.length; at += 1 + random(500)) bytes[at] = random(256)
  return bytes
}

function look(description: Buffer): boolean {
  try {
    readDescription(description)
    return true
  } catch (error) {
    if (error instanceof DescriptionFault) return false
    throw error
  }
}

/** A stream ends with its first fault, as a connection would; the next message begins a new one. */
function feed(reader: { stream: StreamReader }, bytes: Buffer): void {
  try {
    reader.stream.push(bytes)
  } catch (error) {
    if (!(error instanceof StreamFault)) throw error
    reader.stream = new StreamReader()
  }
}
