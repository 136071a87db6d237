import { describe, expect, it } from 'vitest'
import { sameName, socketName, sourceOf } from './socket-name.ts'

describe('the name of a socket', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['203.0.113.250', '203.0.113.250'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1::0001', '2001:db8::1:0:0:1'],
  ])('%s is read back as Node spells it', (address, spelled) => {
    const source = sourceOf(socketName({ address, port: 16_384 }))
    expect(source).toEqual({ address: spelled, port: 16_384 })
  })

  it('is the same only with the same family, port and address', () => {
    const names = [
      { address: '127.0.0.1', port: 5060 },
      { address: '127.0.0.2', port: 5060 },
      { address: '127.0.0.1', port: 5061 },
      { address: '::1', port: 5060 },
      { address: '::2', port: 5060 },
    ].map(socketName)
    // The kernel writes all of them into as much memory.
    const written = names.map((name) => Buffer.concat([name, Buffer.alloc(28 - name.length)]))
    for (const [index, name] of names.entries()) {
      for (const [other, bytes] of written.entries()) expect(sameName(name, bytes)).toBe(index === other)
    }
    expect(sameName(Buffer.alloc(0), written[0]!)).toBe(false)
  })
})
