import { describe, expect, it } from 'vitest'
import { parseNameAddress, parseUri, tagOf } from './addresses.ts'
import { resolvePeers } from './resolve.ts'

describe('addresses', () => {
  it.each([
    ['sip:alice@example.com', { user: 'alice', host: 'example.com', port: null }],
    ['sips:example.com:5061;transport=tls', { user: '', host: 'example.com', port: 5061 }],
    ['sip:+1415@[2001:db8::1]:5070;lr', { host: '2001:db8::1', port: 5070 }],
  ])('reads %s', (text, uri) => {
    expect(parseUri(text)).toMatchObject(uri)
  })

  it.each(['tel:+1415', 'sip:', 'sip:a@b:0', 'sip:a@b:70000', 'sip:a@[nonsense]', 'sip:a@b c', 'http://x'])(
    'refuses %s',
    (text) => {
      expect(parseUri(text)).toBeNull()
    },
  )

  it('finds the address and the tag in whatever stands around them', () => {
    expect(parseNameAddress('"<sip:fake@x>" <sip:real@y;p=1>;tag=t')).toMatchObject({ uri: 'sip:real@y;p=1' })
    expect(tagOf('sip:a@b;tag=t1')).toBe('t1')
    expect(tagOf('<sip:a@b;tag=inside>')).toBeNull()
    expect(parseNameAddress('<sip:a@b')).toBeNull()
    expect(parseNameAddress('')).toBeNull()
  })
})

describe('the servers of a trunk', () => {
  const trunk = { host: 'example.com', port: null, transport: 'udp', serverName: null } as const
  const record = (name: string, priority: number, weight = 0) => ({ name, port: 5062, priority, weight })
  const addresses = async (name: string) => (name === 'gone' ? Promise.reject(new Error('ENOTFOUND')) : [`${name}!`])

  it('come by priority, then by weight', async () => {
    const names = { srv: async () => [record('c', 2), record('a', 1, 10), record('b', 1, 90)], addresses }
    const order = async (random: number) =>
      (await resolvePeers(trunk, { names, random: () => random })).map(({ address }) => address)
    expect(await order(0.05)).toEqual(['a!', 'b!', 'c!'])
    expect(await order(0.5)).toEqual(['b!', 'a!', 'c!'])
  })

  it('are the name itself when it has no records, and nobody when it does not exist', async () => {
    const names = { srv: async () => Promise.reject(new Error('ENODATA')), addresses }
    expect(await resolvePeers(trunk, { names, random: () => 0 })).toEqual([
      { transport: 'udp', address: 'example.com!', port: 5060, serverName: 'example.com' },
    ])
    expect(await resolvePeers({ ...trunk, host: 'gone' }, { names, random: () => 0 })).toEqual([])
  })

  it('are not looked up for an address', async () => {
    const names = { srv: async () => Promise.reject(new Error('asked')), addresses }
    const peers = await resolvePeers({ ...trunk, host: '192.0.2.1', transport: 'tls' }, { names, random: () => 0 })
    expect(peers).toEqual([{ transport: 'tls', address: '192.0.2.1', port: 5061, serverName: null }])
  })
})
