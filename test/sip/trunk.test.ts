import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { answer, answerInDialog, keepSequence, pause, recv, type Step, scenario } from './scenario.ts'
import { freePort, type Sipp, startSipp } from './sipp.ts'
import { type TrunkBench, trunkBench } from './trunk-bench.ts'
import { unreliableWire } from './unreliable-wire.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function peer(
  name: string,
  steps: readonly Step[],
  more: Partial<Parameters<typeof startSipp>[0]> = {},
): Promise<Sipp> {
  const sipp = await startSipp({ scenario: scenario(name, steps), ...more })
  cleanUps.push(() => sipp.stop())
  return sipp
}

function bench(...options: Parameters<typeof trunkBench>): TrunkBench {
  const made = trunkBench(...options)
  cleanUps.push(() => made.stop())
  return made
}

const answersOptions = [recv('OPTIONS'), answer(200, 'OK', { repeat: false })]

describe('whether a trunk is there', () => {
  it('is asked with OPTIONS', async () => {
    const sipp = await peer('options', answersOptions)
    const { trunk } = bench({ port: sipp.port })
    expect(await trunk.probe()).toBe(true)
  })

  it('shows by silence, and then no INVITE is written', async () => {
    const { trunk, place, ended } = bench({ port: await freePort() })
    expect(await ended(place())).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
    expect(await trunk.probe()).toBe(false)
  })

  it('shows by a connection that is refused', async () => {
    const { trunk, place, ended } = bench({ port: await freePort(), transport: 'tcp' })
    expect(await ended(place())).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
    expect(await trunk.probe()).toBe(false)
  })

  it('is asked of the next server of the DNS when the first does not answer, before any INVITE', async () => {
    const sipp = await peer('options', answersOptions)
    const dead = await freePort()
    const names = {
      srv: async () => [
        { name: 'one.example', port: dead, priority: 1, weight: 0 },
        { name: 'two.example', port: sipp.port, priority: 2, weight: 0 },
      ],
      addresses: async () => ['127.0.0.1'],
    }
    const { trunk } = bench({ host: 'sip.example' }, { names })
    expect(await trunk.probe()).toBe(true)
  })

  it('is settled before the INVITE: what becomes of that, it goes to no other server', async () => {
    const refuses = [recv('INVITE'), answer(503, 'Service Unavailable', { headers: ['Retry-After: 1'] }), recv('ACK')]
    const sipp = await peer('refuses with 503', refuses)
    const other = await peer('another server', [recv('INVITE'), answer(486, 'Busy Here'), recv('ACK')])
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    cleanUps.push(() => silent.close())
    await once(silent, 'listening')
    let servers = [sipp.port, other.port]
    const names = {
      srv: async () => servers.map((port, at) => ({ name: `${at}.example`, port, priority: at + 1, weight: 0 })),
      addresses: async () => ['127.0.0.1'],
    }
    const { place, ended } = bench({ host: 'sip.example', probe: false }, { names })
    expect(await ended(place())).toMatchObject({ disposition: 'failed', cause: 'carrier-error' })
    servers = [silent.address().port, other.port]
    const unheard = bench({ host: 'silent.example', probe: false }, { names })
    const heard = new Promise<number>((resolve) => {
      let invites = 0
      // Written three times within 3.5 s, by nobody answered.
      silent.on('message', (bytes) => {
        if (bytes.toString().startsWith('INVITE') && ++invites === 3) resolve(invites)
      })
    })
    unheard.place({ ringTimeoutSeconds: 1 })
    expect(await heard).toBe(3)
    expect(other.messages()).toEqual([])
  })

  it('gets calls again when the pause is over that it asked for', async () => {
    const sipp = await peer('pauses', [
      recv('INVITE'),
      answer(503, 'Service Unavailable', { headers: ['Retry-After: 2'] }),
      recv('ACK'),
    ])
    const { place, ended, trunk, until } = bench({ port: sipp.port, probe: false })
    expect(await ended(place())).toMatchObject({ cause: 'carrier-error' })
    const refusedAtMs = performance.now()
    expect(await ended(place())).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
    let takesCalls = false
    await until(() => {
      void trunk.probe().then((answer) => {
        takesCalls ||= answer
      })
      return takesCalls
    }, 'the end of the pause')
    expect(performance.now() - refusedAtMs).toBeGreaterThan(1900)
    expect(await ended(place())).toMatchObject({ kind: 'ended', cause: 'carrier-error' })
  })

  it('is not asked in a private network that nobody has allowed', async () => {
    const { trunk, place, ended, warnings } = bench({ host: '10.255.255.1' })
    expect(await ended(place())).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
    expect(warnings.join()).toContain('CARILLON_ALLOW_PRIVATE_TARGETS')
    expect(await trunk.probe()).toBe(false)
  })
})

describe('a node that died', () => {
  const ringing = [recv('INVITE', { action: keepSequence }), answer(100, 'Trying'), answer(180, 'Ringing')]
  const cancelled = [recv('CANCEL'), answerInDialog(200, 'OK')]

  /**
   * Places a call, lets its process vanish without a word, and hands its record to another one. sipp answers where the
   * INVITE came from, whatever the Via says, so both speak to it through one wire.
   */
  async function orphan(name: string, steps: readonly Step[], reached: string) {
    const port = await freePort()
    const wire = await unreliableWire(port, () => 1)
    cleanUps.push(() => wire.close())
    const sipp = await peer(name, steps, { calls: 1, port, contact: `127.0.0.1:${wire.port}` })
    const died = bench({ port: wire.port, probe: false })
    const ref = died.place({ speech: { text: 'x', waitForKeySeconds: 30 }, ringTimeoutSeconds: 60 })
    await died.until(() => died.story(ref).includes(reached), reached)
    const carrierState = died.events.findLast((event) => event.carrierState !== undefined)!.carrierState!
    died.sip.close()
    const survivor = bench({ port: wire.port, probe: false })
    const call = { ref, carrierCallId: ref, carrierState, placedAtEpochMs: 0 }
    survivor.trunk.endOrphan(call)
    survivor.trunk.endOrphan(call)
    await survivor.ended(ref)
    return { story: survivor.story(ref), sipp }
  }

  it('has its answered calls hung up', async () => {
    const answered = [answer(200, 'OK', { sdp: true }), recv('ACK'), recv('BYE'), answerInDialog(200, 'OK')]
    const { story, sipp } = await orphan('answered', [...ringing, ...answered], 'answered')
    expect(story).toBe('ended: answered (node-lost)')
    expect(await sipp.ended, sipp.complaints()).toBe(0)
  })

  it('has its ringing calls cancelled', async () => {
    const gone = [recv('BYE'), answerInDialog(481, 'Call Does Not Exist')]
    const { story, sipp } = await orphan('ringing', [...ringing, ...cancelled, ...gone], 'ringing')
    expect(story).toBe('ended: failed (node-lost)')
    expect(await sipp.ended, sipp.complaints()).toBe(0)
    const [invite, cancel] = ['INVITE', 'CANCEL'].map(
      (word) => sipp.messages().find(({ startLine }) => startLine.startsWith(word))!,
    )
    for (const name of ['Via', 'From', 'To', 'Call-ID']) expect(cancel!.header(name)).toBe(invite!.header(name))
    expect(cancel!.startLine.split(' ')[1]).toBe(invite!.startLine.split(' ')[1])
  })

  it('and one that was answered in between is not rung again', async () => {
    const hungUp = [recv('BYE'), answerInDialog(200, 'OK')]
    const { story } = await orphan('answered in between', [...ringing, ...cancelled, ...hungUp], 'ringing')
    expect(story).toBe('ended: answered (node-lost)')
  })

  it('and one that the peer no longer knows is unknown', async () => {
    const forgotten = [recv('CANCEL'), answerInDialog(481, 'Call Does Not Exist')]
    const { story } = await orphan('forgotten', [...ringing, ...forgotten], 'ringing')
    expect(story).toBe('ended: unknown (node-lost)')
  })
})

describe('whoever calls this server', () => {
  const invite = (port: number, callId: string) =>
    [
      `INVITE sip:carillon@127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK${callId};rport`,
      'From: <sip:x@example.com>;tag=1',
      'To: <sip:carillon@example.com>',
      `Call-ID: ${callId}`,
      'CSeq: 1 INVITE',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n')

  async function ask(port: number, text: string, from = '127.0.0.1'): Promise<string | null> {
    const socket = createSocket('udp4').bind(0, from)
    await once(socket, 'listening')
    socket.send(text, port, '127.0.0.1')
    const heard = await Promise.race([
      once(socket, 'message').then(([bytes]) => String(bytes).split('\r\n')[0]!),
      new Promise<null>((resolve) => setTimeout(() => resolve(null), 400)),
    ])
    socket.close()
    return heard
  }

  it('is refused when it is a trunk of ours, and hears nothing when it is a stranger', async () => {
    const sipp = await peer('options', answersOptions)
    const { trunk, sip } = bench({ port: sipp.port })
    expect(await trunk.probe()).toBe(true)
    const port = sip.udpPort(4)!
    expect(await ask(port, invite(port, 'one'))).toBe('SIP/2.0 403 Forbidden')
    expect(await ask(port, invite(port, 'two').replaceAll('INVITE', 'OPTIONS'))).toBe('SIP/2.0 200 OK')
    expect(
      await ask(
        port,
        invite(port, 'three').replaceAll('INVITE', 'BYE').replace('@example.com>', '@example.com>;tag=9'),
      ),
    ).not.toBe('SIP/2.0 200 OK')
    expect(await ask(port, invite(port, 'four'), '127.0.0.9')).toBeNull()
    expect(await ask(port, invite(port, 'five').replaceAll('INVITE', 'OPTIONS'), '127.0.0.9')).toBeNull()
  })
})

describe('a trunk that wants us to sign on', () => {
  const signedOn = [
    recv('REGISTER'),
    answer(401, 'Unauthorized', {
      repeat: false,
      headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'],
    }),
    recv('REGISTER', {
      action: '<verifyauth assign_to="ok" username="alice" password="s3cret"/><log message="right: [$ok]"/>',
    }),
  ]
  const settings = { username: 'alice', password: 's3cret', register: true, probe: false }

  it('gets a REGISTER before the first call, and not again for the second', async () => {
    const port = await freePort()
    const registrar = [...signedOn, answer(200, 'OK', { repeat: false, headers: ['Expires: 300'] })]
    const calls = [recv('INVITE'), answer(486, 'Busy Here'), recv('ACK')]
    // INVITEs are a scenario of their own, for a second sipp in the place of the first.
    const sipp = await peer('registrar', registrar, { port, calls: 1 })
    const { place, until, events } = bench({ port, ...settings })
    const ref = place({ sendWithinMs: 4000 })
    await until(() => sipp.notes().includes('right: true'), 'the registration')
    expect(await sipp.ended, sipp.complaints()).toBe(0)
    const exchange = await peer('exchange', calls, { port })
    await until(() => events.some((event) => event.ref === ref && event.kind === 'ended'), 'the call')
    const next = place()
    await until(() => events.some((event) => event.ref === next && event.kind === 'ended'), 'the next call')
    expect(exchange.messages().some(({ startLine }) => startLine.startsWith('REGISTER'))).toBe(false)
    const registers = sipp.messages().filter(({ startLine }) => startLine.startsWith('REGISTER'))
    expect(registers.map((message) => message.header('CSeq'))).toEqual(['1 REGISTER', '2 REGISTER'])
  })

  it('that refuses us gets no call', async () => {
    const sipp = await peer('refuses', [recv('REGISTER'), answer(403, 'Forbidden', { repeat: false })])
    const { place, ended } = bench({ port: sipp.port, ...settings })
    expect(await ended(place())).toMatchObject({ kind: 'not-sent', cause: 'trunk-unreachable' })
  })
})

describe('too many calls at once', () => {
  it('begin one after another', async () => {
    const sipp = await peer('busy', [recv('INVITE'), answer(486, 'Busy Here'), recv('ACK')])
    const { place, ended, sip, events } = bench({ port: sipp.port, probe: false })
    const refs = Array.from({ length: 60 }, () => place())
    for (const ref of refs) await ended(ref)
    expect(events.filter(({ kind }) => kind === 'ended')).toHaveLength(60)
    expect(sip.figures.calls).toBe(60)
    const invites = sipp
      .messages()
      .filter(({ startLine, direction }) => direction === 'received' && startLine.startsWith('INVITE'))
    expect(new Set(invites.map((message) => message.header('Call-ID'))).size).toBe(60)
  })

  it('wait when the trunk answers nothing, and what waited too long was not sent', async () => {
    const sipp = await peer('silent', [recv('INVITE'), pause(60_000), answer(486, 'Busy Here'), recv('ACK')])
    const { place, until, events } = bench({ port: sipp.port, probe: false })
    for (let count = 0; count < 130; count++) place({ sendWithinMs: 2500 })
    await until(() => events.length === 30, 'the calls that were not sent')
    expect(events.every(({ kind }) => kind === 'not-sent')).toBe(true)
    const invites = sipp
      .messages()
      .filter(({ startLine, direction }) => direction === 'received' && startLine.startsWith('INVITE'))
    expect(new Set(invites.map((message) => message.header('Call-ID'))).size).toBe(100)
  })
})
