import { describe, expect, it } from 'vitest'
import type { MediaEngine } from '../../src/media/media-engine.ts'
import { RtpPeer } from '../media/rtp-peer.ts'
import { answered, cancelled, cleanUps, hungUp, type Played, type Playing, play, ringing, wordOf } from './play.ts'
import { answer, answerInDialog, pause, recv, recvInvite, recvResponse, request, type Step } from './scenario.ts'
import { sound } from './trunk-bench.ts'
import { type Fate, unreliableWire } from './unreliable-wire.ts'

describe('a call that is answered', () => {
  const steps = [...ringing, pause(100), ...answered, ...hungUp]
  const told = 'accepted ringing answered ended: answered (agent-hung-up)'

  it('over UDP', async () => {
    const { story, received } = await play('answers', steps)
    expect(story).toBe(told)
    expect(received).toEqual(['INVITE', 'ACK', 'BYE'])
  })

  it('over TCP', async () => {
    const { story, received } = await play('answers', steps, {
      sipp: { transport: 't1' },
      settings: { transport: 'tcp' },
    })
    expect(story).toBe(told)
    expect(received).toEqual(['INVITE', 'ACK', 'BYE'])
  })

  it('over IPv6', async () => {
    const { story } = await play('answers', steps, { sipp: { address: '::1' }, bench: { bindAddresses: ['::1'] } })
    expect(story).toBe(told)
  })

  it('is known to the peer by our reference, and tells where to it may be ended', async () => {
    const { sipp, bench, ref } = await play('answers', steps)
    expect(sipp.messages()[0]!.header('Call-ID')).toBe(ref)
    const states = bench.events.flatMap(({ carrierState }) => (carrierState ? [JSON.parse(carrierState)] : []))
    expect(states.at(-1)).toMatchObject({ answered: true, sequence: 1, leg: { callId: ref } })
    expect(sipp.messages()[0]!.header('Via')).toContain(`branch=${states.at(-1).inviteBranch}`)
  })

  it('with early media', async () => {
    const early = [recv('INVITE'), answer(183, 'Session Progress', { sdp: true }), pause(100), ...answered, ...hungUp]
    expect((await play('early', early)).story).toBe(told)
  })

  it('without anything before the answer', async () => {
    const { story } = await play('at once', [recv('INVITE'), ...answered, ...hungUp])
    expect(story).toBe('answered ended: answered (agent-hung-up)')
  })

  it('hangs up at its maximum length', async () => {
    const { story } = await play('long', steps, {
      request: { maxCallSeconds: 1, speech: { text: 'Hello', waitForKeySeconds: 30 } },
    })
    expect(story).toContain('ended: answered (max-duration)')
  })

  it('ends when the person hangs up', async () => {
    const bye = [recvInvite(), answer(180, 'Ringing'), ...answered, pause(100), request('BYE', 1), recvResponse(200)]
    const { story } = await play('callee hangs up', bye, { request: { speech: { text: 'x', waitForKeySeconds: 20 } } })
    expect(story).toContain('ended: answered (callee-hung-up)')
  })

  it('ends when we are asked to end it', async () => {
    const { story } = await play('hung up by user', steps, {
      request: { speech: { text: 'x', waitForKeySeconds: 20 } },
      async during(bench, ref) {
        await bench.until(() => bench.story(ref).includes('answered'))
        bench.trunk.hangUp({ ref, carrierCallId: null, placedAtEpochMs: 0 })
        bench.trunk.hangUp({ ref, carrierCallId: null, placedAtEpochMs: 0 })
      },
    })
    expect(story).toContain('ended: answered (hung-up-by-user)')
  })

  it('is hung up when nothing more is heard of the person', async () => {
    const asked: number[] = []
    // As the product asks, but sooner.
    const media: MediaEngine = {
      open(options, listener) {
        asked.push(options.inactivitySeconds)
        return sound().open({ ...options, inactivitySeconds: 1 }, listener)
      },
      figures: () => sound().figures(),
      close: async () => undefined,
    }
    const { story } = await play('silent line', steps, {
      bench: { media },
      request: { speech: { text: 'x', waitForKeySeconds: 20 } },
    })
    expect(story).toBe('accepted ringing answered ended: answered (media-lost)')
    expect(asked).toEqual([30])
  })

  it('is spoken to within 200 ms of the answer', async () => {
    const waitsMs: number[] = []
    for (let call = 0; call < 5; call++) {
      const telephone = await RtpPeer.open()
      cleanUps.push(() => telephone.close())
      const [ok, ...rest] = answered
      const here = ok!.replace(/m=audio \S+/, `m=audio ${telephone.port}`)
      const { sipp } = await play('listens', [...ringing, pause(100), here, ...rest, ...hungUp])
      const sent = sipp.messages().find(({ startLine }) => startLine.startsWith('SIP/2.0 200'))!
      waitsMs.push(performance.timeOrigin + telephone.heard[0]!.atMs - sent.atEpochMs)
    }
    expect(Math.min(...waitsMs)).toBeGreaterThanOrEqual(0)
    // Something else on the machine may hold one of them up.
    expect(waitsMs.sort((one, other) => one - other)[2], waitsMs.join()).toBeLessThan(200)
  })

  it('is hung up when the answer has no sound we speak', async () => {
    const [invite, , ring] = ringing
    const g729 = answer(200, 'OK', { sdp: true })
      .replaceAll(/RTP\/AVP 0 101/g, 'RTP/AVP 18 101')
      .replace('a=rtpmap:0 PCMU/8000', 'a=rtpmap:18 G729/8000')
    const { story } = await play('G.729', [invite!, ring!, g729, recv('ACK'), ...hungUp])
    expect(story).toBe('accepted ringing answered ended: answered (media-not-agreed)')
  })
})

describe('a call that is refused', () => {
  it.each([
    [486, 'Busy Here', [], 'busy (busy-here) 486'],
    [600, 'Busy Everywhere', [], 'busy (busy-everywhere) 600'],
    [603, 'Decline', [], 'rejected (declined) 603'],
    [404, 'Not Found', ['Reason: Q.850;cause=1;text="Unallocated number"'], 'failed (unallocated-number) 404 Q.850 1'],
    [480, 'Temporarily Unavailable', ['Reason: Q.850;cause=20'], 'no-answer (temporarily-unavailable) 480 Q.850 20'],
    [503, 'Service Unavailable', ['Retry-After: 30'], 'failed (carrier-error) 503'],
    [500, 'Server Internal Error', [], 'failed (carrier-error) 500'],
    [302, 'Moved Temporarily', [], 'failed (carrier-refused) 302'],
  ] as const)('%i %s', async (status, reason, headers, told) => {
    const { story, received, bench } = await play(`refuses with ${status}`, [
      recv('INVITE'),
      answer(100, 'Trying'),
      answer(status, reason, { headers }),
      recv('ACK'),
    ])
    expect(story).toBe(`accepted ended: ${told}`)
    expect(received.filter((word) => word === 'INVITE')).toHaveLength(1)
    if (status !== 503) return
    // The trunk asked for a pause: no call is written, and it cannot be reached until the pause is over.
    const next = bench.place()
    expect(await bench.ended(next)).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
    expect(await bench.trunk.probe()).toBe(false)
  })
})

describe('a call that nobody takes', () => {
  const short = { request: { ringTimeoutSeconds: 1 } }

  it('is cancelled at its ring timeout', async () => {
    const { story, received } = await play('rings', [...ringing, ...cancelled], short)
    expect(story).toBe('accepted ringing ended: no-answer (ring-timeout) 487')
    expect(received).toEqual(['INVITE', 'CANCEL', 'ACK'])
  })

  it('is cancelled after a bare 100 too', async () => {
    const [invite, trying] = ringing
    const { story } = await play('tries', [invite!, trying!, ...cancelled], short)
    expect(story).toBe('accepted ended: no-answer (ring-timeout) 487')
  })

  it('waits with the CANCEL until anything has answered', async () => {
    const [invite, , ring] = ringing
    const { story, sipp } = await play('answers late', [invite!, pause(2500), ring!, ...cancelled], short)
    expect(story).toBe('accepted ringing ended: no-answer (ring-timeout) 487')
    const order = sipp.messages().map(({ startLine }) => wordOf(startLine))
    expect(order.indexOf('CANCEL')).toBeGreaterThan(order.indexOf('180'))
  })

  it('is acknowledged and hung up when the answer crosses the CANCEL', async () => {
    const glare = [
      ...ringing,
      recv('CANCEL'),
      answerInDialog(200, 'OK'),
      answer(200, 'OK', { sdp: true }).replace('[last_CSeq:]', 'CSeq: [$inviteSequence] INVITE'),
      recv('ACK'),
      ...hungUp,
    ]
    const { story, received } = await play('glare', glare, short)
    expect(story).toBe('accepted ringing answered ended: answered (answered-too-late)')
    expect(received).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE'])
  })

  it('is cancelled when a user asks', async () => {
    const { story } = await play('rings', [...ringing, ...cancelled], {
      async during(bench, ref) {
        await bench.until(() => bench.story(ref).includes('ringing'))
        bench.trunk.hangUp({ ref, carrierCallId: null, placedAtEpochMs: 0 })
      },
    })
    expect(story).toBe('accepted ringing ended: cancelled (cancelled-by-user) 487')
  })

  it('is busy when that crosses the CANCEL', async () => {
    const busy = answer(486, 'Busy Here').replace('[last_CSeq:]', 'CSeq: [$inviteSequence] INVITE')
    const { story } = await play(
      'busy late',
      [...ringing, recv('CANCEL'), answerInDialog(200, 'OK'), busy, recv('ACK')],
      short,
    )
    expect(story).toBe('accepted ringing ended: busy (busy-here) 486')
  })
})

describe('a call that is challenged', () => {
  const settings = { username: 'alice', password: 's3cret' }
  const challenge = (nonce: string, more = ''): Step =>
    answer(401, 'Unauthorized', {
      headers: [`WWW-Authenticate: Digest realm="sip.example", nonce="${nonce}", qop="auth", opaque="o\\"1"${more}`],
    })
  const verified =
    '<verifyauth assign_to="ok" username="alice" password="s3cret"/><log message="password right: [$ok]"/>'
  const invites = (played: Played) => played.sipp.messages().filter(({ startLine }) => startLine.startsWith('INVITE'))

  it('goes on with the right password, same Call-ID and next number', async () => {
    const steps = [
      recv('INVITE'),
      challenge('one'),
      recv('ACK'),
      recv('INVITE', { action: verified }),
      ...answered,
      ...hungUp,
    ]
    const played = await play('401', steps, { settings })
    expect(played.sipp.notes()).toContain('password right: true')
    expect(played.story).toBe('answered ended: answered (agent-hung-up)')
    expect(new Set(invites(played).map((message) => message.header('Call-ID')))).toEqual(new Set([played.ref]))
    expect(invites(played).map((message) => message.header('CSeq'))).toEqual(['1 INVITE', '2 INVITE'])
    expect(new Set(invites(played).map((message) => message.header('From'))).size).toBe(1)
    expect(new Set(invites(played).map((message) => message.header('Via'))).size).toBe(2)
  })

  it('takes a new nonce once more, and no third', async () => {
    const steps = [
      recv('INVITE'),
      challenge('one'),
      recv('ACK'),
      recv('INVITE'),
      challenge('two', ', stale=true'),
      recv('ACK'),
      recv('INVITE'),
      challenge('three', ', stale=true'),
      recv('ACK'),
    ]
    const played = await play('stale', steps, { settings })
    expect(played.story).toBe('ended: failed (carrier-credentials) 401')
    expect(invites(played).map((message) => message.header('CSeq'))).toEqual(['1 INVITE', '2 INVITE', '3 INVITE'])
  })

  it('ends when the same nonce is refused: the password is wrong', async () => {
    const steps = [recv('INVITE'), challenge('one'), recv('ACK'), recv('INVITE'), challenge('one'), recv('ACK')]
    const played = await play('wrong password', steps, { settings })
    expect(played.story).toBe('ended: failed (carrier-credentials) 401')
  })

  it('ends at once without credentials', async () => {
    const played = await play('401', [recv('INVITE'), challenge('one'), recv('ACK')])
    expect(played.story).toBe('ended: failed (carrier-credentials) 401')
  })

  it('answers a proxy in its own header, by SHA-256 where that is offered', async () => {
    const both = answer(407, 'Proxy Authentication Required', {
      headers: [
        'Proxy-Authenticate: Digest realm="p", nonce="n", algorithm=MD5, qop="auth"',
        'Proxy-Authenticate: Digest realm="p", nonce="n", algorithm=SHA-256, qop="auth"',
      ],
    })
    const played = await play('407', [recv('INVITE'), both, recv('ACK'), recv('INVITE'), ...answered, ...hungUp], {
      settings,
    })
    expect(played.story).toBe('answered ended: answered (agent-hung-up)')
    expect(invites(played)[1]!.header('Proxy-Authorization')).toMatch(/algorithm=SHA-256.*nc=00000001/)
    const bye = played.sipp.messages().find(({ startLine }) => startLine.startsWith('BYE'))!
    expect(bye.header('Proxy-Authorization')).toMatch(/nc=00000002/)
  })

  it('answers a challenge of its BYE', async () => {
    const byeChallenge = answerInDialog(401, 'Unauthorized', [
      'WWW-Authenticate: Digest realm="r", nonce="b", qop="auth"',
    ])
    const steps = [recv('INVITE'), ...answered, recv('BYE'), byeChallenge, ...hungUp]
    const played = await play('BYE challenged', steps, { settings })
    expect(played.received).toEqual(['INVITE', 'ACK', 'BYE', 'BYE'])
  })
})

describe('a wire that loses and doubles', () => {
  const steps = [...ringing, pause(100), ...answered, ...hungUp]
  const playOver = async (fate: Fate, order: readonly Step[] = steps, playing: Playing = {}) => {
    const port = 20_000 + Math.floor(Math.random() * 20_000)
    const wire = await unreliableWire(port, fate)
    cleanUps.push(() => wire.close())
    const sipp = { port, contact: `127.0.0.1:${wire.port}`, ...playing.sipp }
    return { ...(await play('unreliable', order, { ...playing, sipp, settings: { port: wire.port } })), wire }
  }

  it('an INVITE that is lost twice arrives, and is one call', async () => {
    const { story, received, bench } = await playOver((word, nth) => (word === 'INVITE' && nth <= 2 ? 0 : 1))
    expect(story).toBe('accepted ringing answered ended: answered (agent-hung-up)')
    expect(received).toEqual(['INVITE', 'ACK', 'BYE'])
    expect(bench.sip.figures).toMatchObject({ retransmissions: 2, timedOut: 0, answers: { '2xx': 1, none: 0 } })
  })

  it('answers that are lost come again', async () => {
    const { story } = await playOver((word, nth) => (word.startsWith('SIP/2.0 200') && nth <= 2 ? 0 : 1))
    expect(story).toContain('answered ended: answered (agent-hung-up)')
  })

  it('an ACK that is lost is sent again', async () => {
    const { story, wire } = await playOver((word, nth) => (word === 'ACK' && nth === 1 ? 0 : 1), steps, {
      request: { speech: { text: 'x', waitForKeySeconds: 2 } },
    })
    expect(story).toContain('answered ended: answered (agent-hung-up)')
    expect(wire.seen.filter((word) => word === 'ACK').length).toBeGreaterThanOrEqual(2)
  })

  it('everything that comes twice changes nothing', async () => {
    const { story } = await playOver((_word, _nth, direction) => (direction === 'back' ? 2 : 1))
    expect(story).toBe('accepted ringing answered ended: answered (agent-hung-up)')
  })

  it('a BYE that is lost is sent again', async () => {
    const { story } = await playOver((word, nth) => (word === 'BYE' && nth <= 2 ? 0 : 1))
    expect(story).toContain('answered ended: answered (agent-hung-up)')
  })
})

describe('changes during a call', () => {
  const waits = { request: { speech: { text: 'x', waitForKeySeconds: 20 } } }
  const start = [recvInvite(), answer(180, 'Ringing'), ...answered, pause(100)]
  const end = [request('BYE', 9), recvResponse(200)]

  it('a re-INVITE that holds is answered in kind', async () => {
    const hold = request('INVITE', 1, { sdp: true }).replace('a=ptime:20', 'a=ptime:20\n      a=sendonly')
    const steps = [...start, hold, recvResponse(200), request('ACK', 1), pause(100), ...end]
    const { story, sipp } = await play('hold', steps, waits)
    expect(story).toContain('ended: answered (callee-hung-up)')
    const answers = sipp
      .messages()
      .filter(
        ({ direction, text }) =>
          direction === 'received' && text.includes('1 INVITE') && text.startsWith('SIP/2.0 200'),
      )
    expect(answers[0]!.text).toContain('a=recvonly')
  })

  it('a re-INVITE without a description gets ours', async () => {
    const steps = [
      ...start,
      request('INVITE', 1),
      recvResponse(200),
      request('ACK', 1, { sdp: true }),
      pause(100),
      ...end,
    ]
    expect((await play('delayed offer', steps, waits)).story).toContain('ended: answered (callee-hung-up)')
  })

  it('OPTIONS and UPDATE are answered, REFER is not followed', async () => {
    const steps = [
      ...start,
      request('OPTIONS', 1),
      recvResponse(200),
      request('UPDATE', 2, { headers: ['Session-Expires: 1800;refresher=uac', 'Supported: timer'] }),
      recvResponse(200),
      request('REFER', 3, { headers: ['Refer-To: <sip:+19005550100@example.com>'] }),
      recvResponse(603),
      ...end,
    ]
    expect((await play('requests in a call', steps, waits)).story).toContain('ended: answered (callee-hung-up)')
  })

  it('keys by INFO are heard', async () => {
    const info = request('INFO', 1, { headers: ['Content-Type: application/dtmf-relay'] }).replace(
      /(INFO\n[\s\S]*?\n\s*\n)/,
      '$1      Signal=5\n      Duration=160\n',
    )
    const { bench } = await play(
      'INFO',
      [...start, info, recvResponse(200), recv('BYE'), answerInDialog(200, 'OK')],
      waits,
    )
    expect(bench.events.at(-1)).toMatchObject({ kind: 'ended', keysPressed: '5' })
  })

  it('a session that we refresh is refreshed', async () => {
    const headers = ['Session-Expires: 4;refresher=uac', 'Require: timer', 'Allow: INVITE, ACK, BYE, CANCEL, UPDATE']
    const steps = [
      recvInvite(),
      answer(200, 'OK', { sdp: true, headers }),
      recv('ACK'),
      recv('UPDATE'),
      answerInDialog(200, 'OK', ['Session-Expires: 4;refresher=uac']),
      ...end,
    ]
    const { received } = await play('session timer', steps, waits)
    expect(received).toEqual(['INVITE', 'ACK', 'UPDATE', '200'])
  })

  for (const method of ['UPDATE', 'INVITE'] as const) {
    it(`a refresh by ${method} that is challenged is sent again whole, and its own answer acknowledged`, async () => {
      const allow = method === 'UPDATE' ? 'INVITE, ACK, BYE, CANCEL, UPDATE' : 'INVITE, ACK, BYE, CANCEL'
      const headers = ['Session-Expires: 4;refresher=uac', 'Require: timer', `Allow: ${allow}`]
      const nonce = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
      const acknowledged = method === 'INVITE' ? [recv('ACK')] : []
      const steps = [
        recvInvite(),
        answer(200, 'OK', { sdp: true, headers }),
        recv('ACK'),
        ...[recv(method), answerInDialog(401, 'Unauthorized', [nonce]), ...acknowledged],
        recv(method),
        answerInDialog(200, 'OK', ['Session-Expires: 1800;refresher=uac', 'Contact: <sip:[contact_address]>']),
        ...acknowledged,
        pause(700),
        ...end,
      ]
      const { received, sipp, story } = await play(`${method} challenged`, steps, {
        ...waits,
        settings: { username: 'alice', password: 's3cret' },
      })
      expect(story).toContain('ended: answered (callee-hung-up)')
      const acks = acknowledged.map(() => 'ACK')
      expect(received).toEqual(['INVITE', 'ACK', method, ...acks, method, ...acks, '200'])
      const of = (word: string) =>
        sipp.messages().filter(({ direction, startLine }) => direction === 'received' && startLine.startsWith(word))
      const again = of(method).at(-1)!
      expect(again.header('CSeq')).toBe(`3 ${method}`)
      expect(again.header('Authorization')).toContain('username="alice"')
      expect(again.header('Session-Expires')).toBe('1800;refresher=uac')
      if (method === 'UPDATE') return
      expect(again.header('Content-Type')).toBe('application/sdp')
      expect(again.text).toContain('m=audio')
      expect(of('ACK').map((message) => message.header('CSeq'))).toEqual(['1 ACK', '2 ACK', '3 ACK'])
      expect(of('ACK').at(-1)!.header('Authorization')).toContain('username="alice"')
    })
  }

  it('a session that the other side lets run out is hung up', async () => {
    const steps = [
      recv('INVITE'),
      answer(200, 'OK', { sdp: true, headers: ['Session-Expires: 4;refresher=uas', 'Require: timer'] }),
      recv('ACK'),
      ...hungUp,
    ]
    expect((await play('session expires', steps, waits)).story).toContain('ended: answered (media-lost)')
  })
})
