import { describe, expect, it } from 'vitest'
import { Authorization } from './authorization.ts'
import { answerChallenge, chooseChallenge } from './digest.ts'
import { SipHeaders, type SipRequest, type SipResponse } from './message.ts'

function challenged(status: number, ...values: string[]): SipResponse {
  const name = status === 407 ? 'proxy-authenticate' : 'www-authenticate'
  const headers = new SipHeaders(values.map((value) => [name, value] as const))
  return { kind: 'response', status, reason: '', headers, body: Buffer.alloc(0) }
}

/** The example that RFC 7616 prints in section 3.9.1, with its own numbers. */
const printed = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
const credentials = { username: 'Mufasa', password: 'Circle of Life' }
const use = {
  method: 'GET',
  uri: '/dir/index.html',
  nonceCount: 1,
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
}

describe('digest authentication', () => {
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('answers with %s as printed in RFC 7616', (algorithm, response) => {
    const challenge = chooseChallenge(challenged(401, printed(algorithm)))!
    expect(answerChallenge(challenge, credentials, use)).toContain(`response="${response}"`)
  })

  it('answers without qop as RFC 2069 did', () => {
    const challenge = chooseChallenge(challenged(401, 'Digest realm="r", nonce="n"'))!
    const answer = answerChallenge(
      challenge,
      { username: 'u', password: 'p' },
      { ...use, method: 'INVITE', uri: 'sip:a@b' },
    )
    expect(answer).not.toContain('qop')
    expect(answer).not.toContain('nc=')
  })

  it('prefers SHA-256, and takes nothing it does not speak', () => {
    const sha = 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
    const md5 = 'Digest realm="r", nonce="n", qop="auth"'
    expect(chooseChallenge(challenged(407, md5, sha))).toMatchObject({
      algorithm: 'SHA-256',
      header: 'proxy-authorization',
    })
    expect(chooseChallenge(challenged(401, 'Digest realm="r", nonce="n", algorithm=SHA-512'))).toBeNull()
    expect(chooseChallenge(challenged(401, 'Digest realm="r", nonce="n", qop="auth-int"'))).toBeNull()
    expect(chooseChallenge(challenged(401, 'Basic realm="r"'))).toBeNull()
    expect(chooseChallenge(challenged(401, md5), 'other')).toBeNull()
  })

  it('gives a password once for a nonce, and again only when the nonce is new', () => {
    const request: SipRequest = {
      kind: 'request',
      method: 'INVITE',
      uri: 'sip:a@b',
      headers: new SipHeaders(),
      body: Buffer.alloc(0),
    }
    const authorization = new Authorization({ username: 'u', password: 'p' })
    const challenge = (nonce: string) => challenged(401, `Digest realm="r", nonce="${nonce}", qop="auth"`)
    expect(authorization.take(challenge('one'))).toBe(true)
    authorization.sign(request)
    expect(request.headers.get('authorization')).toContain('nc=00000001')
    authorization.sign(request)
    expect(request.headers.all('authorization')).toHaveLength(1)
    expect(request.headers.get('authorization')).toContain('nc=00000002')
    expect(authorization.take(challenge('one'))).toBe(false)
    expect(authorization.take(challenge('two'))).toBe(true)
    expect(new Authorization(null).take(challenge('one'))).toBe(false)
  })
})
