import type { Prompt } from '../../src/media/prompt.ts'
import type { SippMessage } from '../../test/sip/sipp.ts'
import { codeOf, type Person } from './people.ts'
import { likeness, type Recorder, samplesOf } from './recorder.ts'

/** What the native API tells of one person. */
interface Detail {
  readonly to: string
  readonly outcome: string | null
  readonly attempts: readonly {
    readonly id: string
    readonly n: number
    readonly disposition: string
    readonly sipStatus: number | null
    readonly q850Cause: number | null
    readonly spokenText: string | null
  }[]
}

interface BatchFigures {
  readonly figures: {
    readonly total: number
    readonly settled: number
    readonly attempts: number
    readonly outcomes: Readonly<Record<string, number>>
  }
}

export interface Evidence {
  readonly people: readonly Person[]
  readonly batch: BatchFigures
  readonly details: readonly Detail[]
  readonly messages: readonly SippMessage[]
  readonly recorder: Recorder
  readonly prompts: ReadonlyMap<string, Prompt>
  readonly seconds: number
  readonly text: string
}

export interface Report {
  readonly lines: readonly string[]
  readonly faults: readonly string[]
}

const LIKE_MIN = 0.95
const UNLIKE_MAX = 0.5
const OTHERS = 10

/** Compares what the product says with what the peer wrote down. */
export function judge(evidence: Evidence): Report {
  const faults: string[] = []
  const calls = callsOf(evidence.messages)
  checkCallIds(evidence, calls, faults)
  for (const person of evidence.people) checkPerson(person, evidence, faults)
  checkFigures(evidence, faults)
  const sound = checkSound(evidence, calls, faults)
  const names = new Set(evidence.people.map(({ name }) => name)).size
  const lines = [
    `${evidence.people.length} people, ${names} different names, ${calls.size} Call-IDs at the peer, ${attemptsOf(evidence).length} attempts here, ${evidence.seconds.toFixed(1)} s`,
    `outcomes: ${Object.entries(evidence.batch.figures.outcomes)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    sound,
  ]
  return { lines, faults }
}

/** The INVITEs the peer received under each Call-ID, without repetitions. */
function callsOf(messages: readonly SippMessage[]): Map<string, SippMessage[]> {
  const calls = new Map<string, SippMessage[]>()
  for (const message of messages) {
    if (message.direction !== 'received' || !message.startLine.startsWith('INVITE')) continue
    const callId = message.header('Call-ID')!
    const known = calls.get(callId) ?? []
    if (known.some((each) => each.header('Via') === message.header('Via'))) continue
    calls.set(callId, [...known, message])
  }
  return calls
}

function attemptsOf({ details }: Evidence) {
  return details.flatMap(({ attempts }) => attempts)
}

function checkCallIds(evidence: Evidence, calls: ReadonlyMap<string, SippMessage[]>, faults: string[]): void {
  const ours = new Set(attemptsOf(evidence).map(({ id }) => id.replaceAll('-', '')))
  for (const callId of calls.keys())
    if (!ours.has(callId)) faults.push(`the peer has a call ${callId} that is no attempt`)
  for (const id of ours) if (!calls.has(id)) faults.push(`the attempt ${id} never came to the peer`)
  for (const [callId, invites] of calls)
    if (invites.length !== 1) faults.push(`${callId} has ${invites.length} INVITEs`)
}

function checkPerson({ number, story }: Person, { details }: Evidence, faults: string[]): void {
  const detail = details.find(({ to }) => to === number)
  if (detail === undefined) {
    faults.push(`nobody knows ${number}`)
    return
  }
  if (detail.outcome !== story.outcome)
    faults.push(`${number} ${story.word}: ${detail.outcome} instead of ${story.outcome}`)
  if (detail.attempts.length !== story.attempts)
    faults.push(`${number} ${story.word}: called ${detail.attempts.length} times`)
  const status = { busy: 486, declines: 603, unallocated: 404, ringsOut: 487 }[story.word]
  const wrong = detail.attempts.filter(({ sipStatus }) => sipStatus !== (status ?? null))
  if (wrong.length > 0) faults.push(`${number} ${story.word}: SIP status ${wrong[0]!.sipStatus}`)
  if (story.word === 'unallocated' && detail.attempts[0]?.q850Cause !== 1) faults.push(`${number}: no cause of Q.850`)
}

function checkFigures({ people, batch, details }: Evidence, faults: string[]): void {
  const { figures } = batch
  const expected = new Map<string, number>()
  for (const { story } of people) expected.set(story.outcome, (expected.get(story.outcome) ?? 0) + 1)
  for (const [outcome, count] of expected) {
    const told = figures.outcomes[outcome]
    if (told !== count) faults.push(`the batch counts ${told} ${outcome} instead of ${count}`)
  }
  if (figures.total !== people.length || figures.settled !== people.length)
    faults.push('the batch does not count everyone')
  const attempts = details.reduce((sum, detail) => sum + detail.attempts.length, 0)
  if (figures.attempts !== attempts) faults.push(`the batch counts ${figures.attempts} attempts instead of ${attempts}`)
}

function checkSound(evidence: Evidence, calls: ReadonlyMap<string, SippMessage[]>, faults: string[]): string {
  const { people, details, recorder, prompts, text } = evidence
  const textOf = (person: Person) => text.replaceAll('{first_name}', person.name).replaceAll('{code}', codeOf(person))
  const answered = people.filter(({ story }) => story.outcome === 'answered')
  const samples = new Map(answered.map((person) => [person, samplesOf(prompts.get(textOf(person))!.samples.PCMU)]))
  let lowest = 1
  let highest = 0
  answered.forEach((person, index) => {
    const attempt = details.find(({ to }) => to === person.number)!.attempts[0]!
    const invite = calls.get(attempt.id.replaceAll('-', ''))?.[0]
    const port = Number(/^m=audio (\d+)/m.exec(invite?.text ?? '')?.[1])
    const heard = recorder.heardFrom(port)
    if (heard === null) {
      faults.push(`${person.number} heard nothing`)
      return
    }
    const own = likeness(heard, samples.get(person)!)
    lowest = Math.min(lowest, own)
    if (own < LIKE_MIN) faults.push(`${person.number} heard something else than their announcement (${own.toFixed(3)})`)
    for (let step = 1; step <= OTHERS; step++) {
      const other = likeness(heard, samples.get(answered[(index + step) % answered.length]!)!)
      highest = Math.max(highest, other)
      if (other > UNLIKE_MAX) faults.push(`${person.number} heard somebody else's announcement (${other.toFixed(3)})`)
    }
    if (attempt.spokenText !== textOf(person)) faults.push(`${person.number}: the stored text is another`)
  })
  return `sound of ${answered.length} answered calls: with their own announcement at least ${lowest.toFixed(4)}, with ${OTHERS} others each at most ${highest.toFixed(4)}`
}
