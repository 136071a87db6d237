import { isIP } from 'node:net'
import { z } from 'zod'

const host = z
  .string()
  .max(253)
  .refine(
    (text) =>
      isIP(text) !== 0 || /^(?=.*[a-z])[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*\.?$/i.test(text),
    {
      error: 'Write a name such as sip.example.com, or an IP address, without sip: and without a port',
    },
  )
/** What stands in headers must not be able to write other headers. */
const plain = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/, 'Write printable ASCII characters')

/** Settings of a SIP trunk: what a carrier's page for "SIP trunking" or "IP PBX" tells. */
export const sipSettings = z
  .strictObject({
    host: host.describe('The name or address of the carrier’s SIP server.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('Absent: looked up in the DNS (SRV), else 5060, with TLS 5061.'),
    transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
    username: plain(128)
      .optional()
      .describe('For digest authentication. Absent: the carrier knows this server by its address.'),
    password: z.string().min(1).max(256).meta({ secret: true }).optional(),
    realm: plain(128).optional().describe('When set, no challenge of another realm is answered.'),
    domain: host.optional().describe('Stands in the addresses of caller and callee; the host by default.'),
    serverName: host.optional().describe('The name in the TLS certificate, where it is not the host.'),
    certificateAuthority: z
      .string()
      .max(50_000)
      .regex(/^-----BEGIN CERTIFICATE-----/, 'Write certificates in PEM form')
      .optional()
      .describe('Certificates that are believed instead of those of the system.'),
    srtp: z
      .enum(['off', 'required'])
      .default('off')
      .describe('Encrypted sound; needs TLS, since the key travels in it.'),
    codecs: z
      .array(z.enum(['PCMU', 'PCMA']))
      .min(1)
      .max(2)
      .default(['PCMU', 'PCMA'])
      .describe('In order of preference.'),
    numberFormat: z.enum(['plus', 'digits']).default('plus').describe('`digits`: without the plus.'),
    callerIn: z
      .enum(['from', 'p-asserted-identity', 'remote-party-id'])
      .default('from')
      .describe('Where the carrier reads the caller number, beside From.'),
    fromUser: plain(64)
      .regex(/^[\w.+-]+$/)
      .optional()
      .describe('Stands in From instead of the caller number, where a carrier wants the account there.'),
    register: z
      .boolean()
      .default(false)
      .describe('Sign on with REGISTER, where a carrier takes calls only from those who do.'),
    redirects: z
      .enum(['refuse', 'follow'])
      .default('refuse')
      .describe(
        'Follow a redirect (3xx) to another server for the same number, at most twice; a redirect to another number is always refused.',
      ),
    probe: z
      .boolean()
      .default(true)
      .describe('Ask with OPTIONS whether the trunk is there before calls are sent to it.'),
  })
  .refine((settings) => (settings.username === undefined) === (settings.password === undefined), {
    path: ['password'],
    error: 'A username needs a password, and a password a username',
  })
  .refine((settings) => settings.srtp === 'off' || settings.transport === 'tls', {
    path: ['srtp'],
    error: 'Encrypted sound needs transport tls: without it anybody on the way could read the key',
  })
  .refine((settings) => !settings.register || settings.username !== undefined, {
    path: ['register'],
    error: 'To sign on, a username and a password are needed',
  })

export type SipSettings = z.infer<typeof sipSettings>
