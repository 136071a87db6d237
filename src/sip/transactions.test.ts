import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import type { ClientTransaction } from './client-transaction.ts'
import { readCseq, SipHeaders, type SipRequest, type SipResponse, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { Transactions } from './transactions.ts'

const UDP: Peer = { transport: 'udp', address: '192.0.2.1', port: 5060, serverName: null }
const TCP: Peer = { ...UDP, transport: 'tcp' }

function request(method: string): SipRequest {
  const headers = new SipHeaders([
    ['via', 'SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKbranch;rport'],
    ['from', '<sip:a@b>;tag=ours'],
    ['to', '<sip:c@d>'],
    ['call-id', 'call'],
    ['cseq', `1 ${method}`],
  ])
  return { kind: 'request', method, uri: 'sip:c@d', headers, body: Buffer.alloc(0) }
}

function answerTo(asked: SipRequest, status: number): Buffer {
  const headers = new SipHeaders(
    asked.headers.entries().map(([name, value]) => [name, name === 'to' ? `${value};tag=theirs` : value]),
  )
  const response: SipResponse = { kind: 'response', status, reason: 'x', headers, body: Buffer.alloc(0) }
  return writeMessage(response)
}

interface Bench {
  readonly clock: FakeClock
  readonly transactions: Transactions
  /** Milliseconds since the first at which something was sent, with its method. */
  readonly sent: [atMs: number, what: string][]
  readonly told: string[]
  transaction: ClientTransaction | null
}

function ask(method: string, peer: Peer, sends = true): Bench {
  const clock = new FakeClock()
  const startMs = clock.monotonicMs()
  const sent: Bench['sent'] = []
  const told: string[] = []
  const transactions = new Transactions({
    clock,
    send(bytes) {
      sent.push([clock.monotonicMs() - startMs, bytes.toString().split(' ', 1)[0]!])
      return sends
    },
    onRequest: () => false,
    onStrayAnswer: () => void told.push('stray'),
  })
  const transaction = transactions.request(request(method), peer, {
    onResponse: ({ status }) => void told.push(String(status)),
    onFailure: (why) => void told.push(why),
  })
  return { clock, transactions, sent, told, transaction }
}

const timesOf = ({ sent }: Bench) => sent.map(([atMs]) => atMs)

describe('a request over UDP', () => {
  it('an INVITE is repeated at doubling pauses and silent after 32 s', () => {
    const bench = ask('INVITE', UDP)
    bench.clock.advance(40_000)
    expect(timesOf(bench)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500])
    expect(bench.told).toEqual(['silent'])
  })

  it('an INVITE that was silent still takes its answer, until it is abandoned', () => {
    const bench = ask('INVITE', UDP)
    bench.clock.advance(40_000)
    bench.transactions.receive(answerTo(request('INVITE'), 180), UDP)
    bench.transactions.receive(answerTo(request('INVITE'), 486), UDP)
    expect(bench.told).toEqual(['silent', '180', '486'])
    const other = ask('INVITE', UDP)
    other.clock.advance(40_000)
    other.transaction!.abandon()
    other.transactions.receive(answerTo(request('INVITE'), 200), UDP)
    expect(other.told).toEqual(['silent', 'stray'])
  })

  it('others are repeated at most four seconds apart', () => {
    const bench = ask('BYE', UDP)
    bench.clock.advance(40_000)
    expect(timesOf(bench)).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    expect(bench.told).toEqual(['silent'])
    expect(bench.transactions.live).toBe(0)
  })

  it('a provisional answer ends the repetitions of an INVITE, for as long as it rings', () => {
    const bench = ask('INVITE', UDP)
    bench.transactions.receive(answerTo(request('INVITE'), 100), UDP)
    bench.clock.advance(300_000)
    expect(timesOf(bench)).toEqual([0])
    expect(bench.told).toEqual(['100'])
  })

  it('a refusal is acknowledged, again for each time it comes, for 32 s', () => {
    const bench = ask('INVITE', UDP)
    const refusal = answerTo(request('INVITE'), 486)
    bench.transactions.receive(refusal, UDP)
    bench.clock.advance(31_000)
    bench.transactions.receive(refusal, UDP)
    bench.clock.advance(2000)
    bench.transactions.receive(refusal, UDP)
    expect(bench.sent.map(([, what]) => what)).toEqual(['INVITE', 'ACK', 'ACK'])
    expect(bench.told).toEqual(['486'])
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it('a 2xx is told each time it comes, so that its ACK can be repeated, and is stray after 32 s', () => {
    const bench = ask('INVITE', UDP)
    const answer = answerTo(request('INVITE'), 200)
    bench.transactions.receive(answer, UDP)
    bench.clock.advance(31_000)
    bench.transactions.receive(answer, UDP)
    bench.clock.advance(2000)
    bench.transactions.receive(answer, UDP)
    expect(bench.told).toEqual(['200', '200', 'stray'])
    expect(bench.sent).toHaveLength(1)
  })

  it('an answer with another branch or method is nobody’s', () => {
    const bench = ask('INVITE', UDP)
    bench.transactions.receive(
      Buffer.from(answerTo(request('INVITE'), 486).toString().replace('z9hG4bKbranch', 'z9hG4bKother')),
      UDP,
    )
    bench.transactions.receive(answerTo(request('BYE'), 200), UDP)
    expect(bench.told).toEqual([])
    expect(bench.transactions.figures.strayResponses).toBe(2)
    expect(readCseq(request('BYE').headers)).toEqual({ number: 1, method: 'BYE' })
  })
})

describe('a request over a connection', () => {
  it('is not repeated', () => {
    const bench = ask('INVITE', TCP)
    bench.clock.advance(40_000)
    expect(timesOf(bench)).toEqual([0])
    expect(bench.told).toEqual(['silent'])
  })

  it('is lost with it', () => {
    const bench = ask('INVITE', TCP)
    bench.transactions.connectionLost(TCP)
    expect(bench.told).toEqual(['lost'])
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it('that cannot be written is none', () => {
    const bench = ask('INVITE', TCP, false)
    expect(bench.transaction).toBeNull()
    bench.clock.advance(40_000)
    expect(bench.told).toEqual([])
  })
})
