import { describe, expect, test } from 'vitest'
import { type ResolvedAddress, TargetGuard } from './target-guard.ts'

/** A resolver that knows these names and no other. */
function names(table: Record<string, readonly string[]>) {
  return async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const found = table[hostname]
    if (found === undefined) throw new Error('no such name')
    return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
}

const resolve = names({
  'example.com': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'mixed.example.com': ['93.184.215.14', '10.0.0.7'],
  'empty.example.com': [],
  localhost: ['127.0.0.1', '::1'],
  'localhost.': ['127.0.0.1'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
})
const guard = new TargetGuard({ allowedNetworks: [], resolve })

describe('without exceptions', () => {
  test.each([
    'https://example.com/hook?x=1',
    'https://example.com:443/',
    'https://example.com:8443/',
    'https://93.184.215.14/',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
  ])('%s may be reached', async (url) => expect(await guard.problemOf(url)).toBeNull())

  test.each([
    // Every spelling of this machine.
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://017700000001/',
    'https://①②⑦.⓪.⓪.①/',
    'https://127.0.0.1./',
    'https://127.255.255.254/',
    'https://0.0.0.0/',
    'https://0/',
    'https://[::1]/',
    'https://[::]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://localhost/',
    'https://localhost./',
    'https://LOCALHOST/',
    'https://127.0.0.1.nip.io/',
    // IPv4 in IPv6.
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:7f00:1::]/',
    // Neighbours and what is no address of anybody.
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://metadata.google.internal/',
    'https://192.0.0.1/',
    'https://192.0.2.1/',
    'https://198.18.0.1/',
    'https://198.51.100.1/',
    'https://203.0.113.1/',
    'https://224.0.0.1/',
    'https://240.0.0.1/',
    'https://255.255.255.255/',
    'https://[fd00::1]/',
    'https://[fc00::1]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[ff02::1]/',
    'https://[2001:db8::1]/',
    'https://[100::1]/',
    // One public address is not enough.
    'https://mixed.example.com/',
  ])('%s is refused as not public', async (url) => {
    expect(await guard.problemOf(url)).toBe('it leads to an address that is not public')
  })

  test.each([
    ['http://example.com/', 'it does not begin with https://'],
    ['ftp://example.com/', 'it does not begin with https://'],
    ['file:///etc/passwd', 'it does not begin with https://'],
    ['gopher://example.com/', 'it does not begin with https://'],
    ['javascript:alert(1)', 'it does not begin with https://'],
    ['example.com/hook', 'it is no URL'],
    ['', 'it is no URL'],
    ['https://', 'it is no URL'],
    ['https://user@example.com/', 'it holds a user or a password'],
    ['https://user:password@example.com/', 'it holds a user or a password'],
    ['https://example.com@127.0.0.1/', 'it holds a user or a password'],
    ['https://example.com:22/', 'its port is neither 443 nor 8443'],
    ['https://example.com:80/', 'its port is neither 443 nor 8443'],
    ['https://nobody.example.com/', 'its name does not resolve'],
    ['https://empty.example.com/', 'its name does not resolve'],
    ['https://[fe80::1%25eth0]/', 'it is no URL'],
  ])('%s: %s', async (url, problem) => expect(await guard.problemOf(url)).toBe(problem))
})

describe('with allowed networks', () => {
  const open = new TargetGuard({ allowedNetworks: ['127.0.0.0/8', '10.0.0.7'], resolve })

  test.each(['http://127.0.0.1:3000/', 'http://127.1/', 'http://[::ffff:127.0.0.1]:8080/', 'https://10.0.0.7:444/'])(
    '%s may be reached',
    async (url) => expect(await open.problemOf(url)).toBeNull(),
  )

  test.each([
    'http://10.0.0.8/',
    'http://[::1]/',
    'http://localhost/',
    'http://mixed.example.com/',
    'http://example.com/',
  ])('%s may not', async (url) => expect(await open.problemOf(url)).not.toBeNull())
})

describe('for sockets', () => {
  const lookUp = (name: string, from = guard) =>
    new Promise<unknown>((answered) => {
      from.lookup(name, { all: true }, (error, addresses) => answered(error?.message ?? addresses))
    })

  test('gives all addresses of a public name', async () => {
    expect(await lookUp('example.com')).toHaveLength(2)
  })

  test.each(['localhost', 'mixed.example.com', '127.0.0.1.nip.io', 'empty.example.com'])('refuses %s', async (name) => {
    expect(await lookUp(name)).toBe('The name leads to an address that is not public')
  })

  test('a name that answers something else the second time gains nothing', async () => {
    let asked = 0
    const rebinding = new TargetGuard({
      allowedNetworks: [],
      resolve: async () => [{ address: asked++ === 0 ? '93.184.215.14' : '127.0.0.1', family: 4 }],
    })
    expect(await rebinding.problemOf('https://rebinding.example.com/')).toBeNull()
    expect(await lookUp('rebinding.example.com', rebinding)).toBe('The name leads to an address that is not public')
  })
})
