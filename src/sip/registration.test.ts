import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { SipEndpoint } from './endpoint.ts'
import { parseMessage, type SipRequest, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { Registration } from './registration.ts'
import { responseTo } from './response.ts'

type Answer = {
  readonly status: 200 | 403 | 423
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** A registrar that answers each REGISTER with the next of `answers`, the last one for ever. */
async function signOnAt(answers: readonly Answer[]) {
  const heard: SipRequest[] = []
  const clock = new FakeClock()
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const peer: Peer = { transport: 'udp', address: '127.0.0.1', port: socket.address().port, serverName: null }
  socket.on('message', (bytes, { address, port }) => {
    const parsed = parseMessage(bytes)
    if (!parsed.ok || parsed.message.kind !== 'request') return
    const { status, headers = [] } = answers[Math.min(heard.length, answers.length - 1)]!
    heard.push(parsed.message)
    socket.send(writeMessage(responseTo(parsed.message, { status, peer, localTag: 'theirs', headers })), port, address)
  })
  const endpoint = new SipEndpoint({ clock, bindAddresses: ['127.0.0.1'], port: 0, advertisedAddress: null })
  await endpoint.reach(peer, { withinMs: 1000 })
  const credentials = { username: 'alice', password: 's3cret' }
  const ready = async () => peer
  const registration = new Registration({ clock, endpoint, credentials, domain: 'sip.example', ready })
  open.push(socket, endpoint, registration)
  return { registration, clock, expires: () => heard.map(({ headers }) => headers.get('expires')), heard }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('signing on', () => {
  it('takes the time that the registrar grants, however short, and signs on again before it is over', async () => {
    const { registration, clock, heard } = await signOnAt([{ status: 200, headers: [['expires', '30']] }])
    expect(await registration.signedOn()).toBe(true)
    clock.advance(23_000)
    expect(heard).toHaveLength(1)
    clock.advance(1000)
    await until(() => heard.length === 2)
  })

  it('asks for as long as the registrar wants at least', async () => {
    const { registration, expires } = await signOnAt([
      { status: 423, headers: [['min-expires', '3600']] },
      { status: 200, headers: [['expires', '3600']] },
    ])
    expect(await registration.signedOn()).toBe(true)
    expect(expires()).toEqual(['300', '3600'])
  })

  it('gives up when the registrar wants more each time, or does not say what it wants', async () => {
    const more = await signOnAt([
      { status: 423, headers: [['min-expires', '3600']] },
      { status: 423, headers: [['min-expires', '7200']] },
    ])
    expect(await more.registration.signedOn()).toBe(false)
    expect(more.expires()).toEqual(['300', '3600'])
    const nothing = await signOnAt([{ status: 423 }])
    expect(await nothing.registration.signedOn()).toBe(false)
    expect(nothing.expires()).toEqual(['300'])
  })

  it('asks again after a refusal, and not before half a minute', async () => {
    const { registration, clock, heard } = await signOnAt([{ status: 403 }, { status: 200 }])
    expect(await registration.signedOn()).toBe(false)
    clock.advance(29_999)
    expect(heard).toHaveLength(1)
    clock.advance(1)
    await until(() => heard.length === 2)
  })
})
