/**
 * Scenarios of sipp, put together from steps. sipp is a peer that nobody here wrote: it checks every message against
 * what the scenario expects and ends with exit code 0 only when all of them came.
 */
export type Step = string

const SDP = `v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20`

export interface Answer {
  readonly sdp?: boolean
  readonly headers?: readonly string[]
  /** Repeat until it is acknowledged, as a server does over UDP. */
  readonly repeat?: boolean
  /** A tag of its own, for another branch of the call. */
  readonly tag?: string
  /** Percentage of these messages that sipp drops. */
  readonly lost?: number
}

export function recv(request: string, more: { optional?: boolean; action?: string; lost?: number } = {}): Step {
  const optional = more.optional ? ' optional="true"' : ''
  const lost = more.lost === undefined ? '' : ` lost="${more.lost}"`
  const action = more.action === undefined ? '' : `<action>${more.action}</action>`
  return `<recv request="${request}"${optional}${lost}>${action}</recv>`
}

/** Like `recv`, and keeps where a request of the callee must go to. */
export function recvInvite(action = ''): Step {
  const keep =
    '<ereg regexp="sip:[^>;]*" search_in="hdr" header="Contact:" assign_to="contact"/>' +
    '<ereg regexp="[^\\r\\n]+" search_in="hdr" header="From:" assign_to="caller"/>' +
    '<ereg regexp="[^\\r\\n]+" search_in="hdr" header="To:" assign_to="callee"/>'
  return recv('INVITE', { action: keep + action })
}

export function recvResponse(status: number, action?: string): Step {
  return `<recv response="${status}">${action === undefined ? '' : `<action>${action}</action>`}</recv>`
}

export function pause(ms: number): Step {
  return `<pause milliseconds="${ms}"/>`
}

const TAG = '[pid]T[call_number]'

export function answer(status: number, reason: string, more: Answer = {}): Step {
  const { sdp = false, headers = [], tag = TAG } = more
  const repeat = more.repeat === false || status < 200 ? '' : ' retrans="500"'
  const lost = more.lost === undefined ? '' : ` lost="${more.lost}"`
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    '[last_Via:]',
    '[last_From:]',
    status === 100 ? '[last_To:]' : `[last_To:];tag=${tag}`,
    '[last_Call-ID:]',
    '[last_CSeq:]',
    'Contact: <sip:[contact_address];transport=[transport]>',
    ...headers,
    ...(sdp ? ['Content-Type: application/sdp'] : []),
    'Content-Length: [len]',
  ]
  return message(`<send${repeat}${lost}>`, lines, sdp)
}

/** Answers a request within the dialog, whose To has its tag already. */
export function answerInDialog(status: number, reason: string, headers: readonly string[] = []): Step {
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    '[last_Via:]',
    '[last_From:]',
    '[last_To:]',
    '[last_Call-ID:]',
    '[last_CSeq:]',
    ...headers,
    'Content-Length: 0',
  ]
  return message('<send>', lines, false)
}

/** The answer to an INVITE after a CANCEL was answered: its Via is that of the INVITE, and so is its CSeq. */
export function answerCancelled(): Step {
  const lines = [
    'SIP/2.0 487 Request Terminated',
    '[last_Via:]',
    '[last_From:]',
    `[last_To:];tag=${TAG}`,
    '[last_Call-ID:]',
    'CSeq: [$inviteSequence] INVITE',
    'Content-Length: 0',
  ]
  return message('<send retrans="500">', lines, false)
}

/** A request of the callee within the dialog. */
export function request(
  method: string,
  sequence: number,
  more: { sdp?: boolean; headers?: readonly string[] } = {},
): Step {
  const lines = [
    `${method} [$contact] SIP/2.0`,
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
    `From:[$callee];tag=${TAG}`,
    'To:[$caller]',
    '[last_Call-ID:]',
    `CSeq: ${sequence} ${method}`,
    'Max-Forwards: 70',
    'Contact: <sip:[contact_address];transport=[transport]>',
    ...(more.headers ?? []),
    ...(more.sdp ? ['Content-Type: application/sdp'] : []),
    'Content-Length: [len]',
  ]
  return message(method === 'ACK' ? '<send>' : '<send retrans="500">', lines, more.sdp ?? false)
}

/** Keeps the number of the INVITE, which the answer after a CANCEL needs. */
export const keepSequence = '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="inviteSequence"/>'

export function scenario(name: string, steps: readonly Step[]): string {
  const used = ['contact', 'caller', 'callee', 'inviteSequence', 'ok'].filter((each) =>
    steps.some((step) => step.includes(`"${each}"`)),
  )
  const reference = used.length === 0 ? '' : `<Reference variables="${used.join(',')}"/>`
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="${name}">
${steps.join('\n')}
${reference}
</scenario>
`
}

function message(open: string, lines: readonly string[], sdp: boolean): Step {
  const body = sdp ? SDP.split('\n') : []
  const text = [...lines, '', ...body].join('\n      ')
  return `${open}<![CDATA[

      ${text}

    ]]></send>`
}
