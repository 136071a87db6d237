import type { AnsweredBy } from '../../model/call-event.ts'

/** What the person, or the network, does with a call. Decided by the last two digits of the number alone. */
export type StoryKind =
  | 'talks'
  | 'hangs-up'
  | 'busy'
  | 'rings-out'
  | 'voicemail'
  | 'declines'
  | 'unallocated'
  | 'refused'
  | 'answer-lost'
  | 'callbacks-lost'
  | 'rings-late'

/** Each story with the highest last two digits that tell it. docs/guides/loopback.md prints this table. */
export const STORIES: readonly { readonly upTo: number; readonly kind: StoryKind }[] = [
  { upTo: 59, kind: 'talks' },
  { upTo: 69, kind: 'hangs-up' },
  { upTo: 76, kind: 'busy' },
  { upTo: 83, kind: 'rings-out' },
  { upTo: 88, kind: 'voicemail' },
  { upTo: 92, kind: 'declines' },
  { upTo: 94, kind: 'unallocated' },
  { upTo: 96, kind: 'refused' },
  { upTo: 97, kind: 'answer-lost' },
  { upTo: 98, kind: 'callbacks-lost' },
  { upTo: 99, kind: 'rings-late' },
]

/** All that decides the course of a call; the same plan always gives the same story. */
export interface CallPlan {
  /** E.164 with the plus. */
  readonly to: string
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  /** Characters the agent will speak. */
  readonly textLength: number
  readonly waitForKeySeconds: number
  /** Times faster than a real network. */
  readonly speed: number
}

/** How a call came to its end, in the simulated network's own words. */
export const ENDINGS = [
  'agent-finished',
  'person-hung-up',
  'max-duration',
  'machine-took-it',
  'busy',
  'rang-out',
  'declined',
  'unallocated',
  'hung-up-unanswered',
  'hung-up-in-talk',
] as const
export type Ending = (typeof ENDINGS)[number]

/** `afterMs` counts from the instant of placing, in the clock's time: the speed is already in it. */
export type Happening =
  | { readonly kind: 'accepted'; readonly afterMs: number }
  | { readonly kind: 'ringing'; readonly afterMs: number }
  | { readonly kind: 'answered'; readonly afterMs: number; readonly answeredBy: AnsweredBy }
  | EndHappening

export interface EndHappening {
  readonly kind: 'ended'
  readonly afterMs: number
  readonly ending: Ending
  readonly answeredBy?: AnsweredBy
  /** How much of the text was spoken. */
  readonly spokenCharacters: number
  readonly keysPressed: string
}

export const SPOKEN_CHARACTERS_PER_SECOND = 15
const RINGS_LATE_BY_MS = 20_000

/** The story a number tells. */
export function storyKindOf(to: string): StoryKind {
  const lastTwo = Number(to.slice(-2))
  const story = STORIES.find(({ upTo }) => lastTwo <= upTo)
  if (story === undefined) throw new RangeError('Not a telephone number: its last two characters are not digits')
  return story.kind
}

/** The definite refusal: such a call never comes into being and has no course. */
export function isRefused(to: string): boolean {
  return storyKindOf(to) === 'refused'
}

/** True when the answer to the create-call request never reaches the caller. */
export function losesAnswer(to: string): boolean {
  const kind = storyKindOf(to)
  return kind === 'answer-lost' || kind === 'rings-late'
}

/** True when the network never tells of the call by itself: it has to be asked. */
export function losesCallbacks(to: string): boolean {
  return storyKindOf(to) === 'callbacks-lost'
}

/** The key the person presses when the speech waits for one; empty for most. */
export function keyPressedBy(to: string): string {
  const lastTwo = Number(to.slice(-2))
  if (lastTwo >= 50 && lastTwo <= 54) return '1'
  if (lastTwo >= 55 && lastTwo <= 59) return '9'
  return ''
}

/**
 * The course of a call that nobody hangs up from our side, oldest happening first; the last one is its end.
 * Whoever answers does so before the ring timeout, so that the table of digits always holds.
 */
export function courseOf(plan: CallPlan): readonly Happening[] {
  return unscaledCourseOf(plan).map((happening) => ({ ...happening, afterMs: happening.afterMs / plan.speed }))
}

/** The course of a call that we hang up `afterMs` after placing it. Unchanged if it is over by then. */
export function courseHungUpAt(plan: CallPlan, course: readonly Happening[], afterMs: number): readonly Happening[] {
  const end = course.at(-1)
  if (end === undefined || end.afterMs <= afterMs) return course
  const before = course.filter((happening) => happening.afterMs <= afterMs)
  const answered = before.find((happening) => happening.kind === 'answered')
  if (answered === undefined) {
    return [...before, { kind: 'ended', afterMs, ending: 'hung-up-unanswered', spokenCharacters: 0, keysPressed: '' }]
  }
  const talk = talkOf(plan)
  const talkedMs = (afterMs - answered.afterMs) * plan.speed
  const spoken = { spokenCharacters: talk.spokenAfter(talkedMs), keysPressed: talk.keysAfter(talkedMs) }
  return [...before, { kind: 'ended', afterMs, ending: 'hung-up-in-talk', answeredBy: answered.answeredBy, ...spoken }]
}

function unscaledCourseOf(plan: CallPlan): Happening[] {
  const kind = storyKindOf(plan.to)
  const pick = picker(plan.to)
  const ringTimeoutMs = plan.ringTimeoutSeconds * 1000
  const heldMs = kind === 'rings-late' ? RINGS_LATE_BY_MS : 0
  const toRingingMs = Math.min(pick('ringing', 300, 1500), 0.2 * ringTimeoutMs)
  const accepted: Happening = { kind: 'accepted', afterMs: 0 }
  const ringing: Happening = { kind: 'ringing', afterMs: heldMs + toRingingMs }
  const unanswered = (ending: Ending, afterMs: number): Happening => {
    return { kind: 'ended', ending, afterMs, spokenCharacters: 0, keysPressed: '' }
  }
  switch (kind) {
    case 'refused':
      return []
    case 'unallocated':
      return [accepted, unanswered('unallocated', Math.min(pick('end', 300, 1500), ringTimeoutMs))]
    case 'busy':
      return [accepted, unanswered('busy', Math.min(pick('end', 800, 3000), ringTimeoutMs))]
    case 'rings-out':
      return [accepted, ringing, unanswered('rang-out', ringTimeoutMs)]
    case 'declines':
      return [
        accepted,
        ringing,
        unanswered('declined', Math.min(toRingingMs + pick('end', 2000, 8000), 0.8 * ringTimeoutMs)),
      ]
    case 'voicemail': {
      const afterMs = Math.min(toRingingMs + pick('answer', 10_000, 20_000), 0.9 * ringTimeoutMs)
      return [accepted, ringing, { kind: 'answered', afterMs, answeredBy: 'machine' }, endOfTalk(plan, afterMs)]
    }
    default: {
      const afterMs = heldMs + Math.min(toRingingMs + pick('answer', 2000, 12_000), 0.8 * ringTimeoutMs)
      return [accepted, ringing, { kind: 'answered', afterMs, answeredBy: 'human' }, endOfTalk(plan, afterMs)]
    }
  }
}

function endOfTalk(plan: CallPlan, answeredAfterMs: number): EndHappening {
  const talk = talkOf(plan)
  const maxMs = Math.max(1, plan.maxCallSeconds) * 1000
  const lengthMs = Math.min(talk.lengthMs, maxMs)
  return {
    kind: 'ended',
    afterMs: answeredAfterMs + lengthMs,
    ending: talk.lengthMs > maxMs ? 'max-duration' : talk.ending,
    answeredBy: talk.answeredBy,
    spokenCharacters: talk.spokenAfter(lengthMs),
    keysPressed: talk.keysAfter(lengthMs),
  }
}

interface Talk {
  readonly answeredBy: AnsweredBy
  readonly lengthMs: number
  readonly ending: Ending
  spokenAfter(talkedMs: number): number
  keysAfter(talkedMs: number): string
}

/** What is said and pressed after the answer, in the network's unscaled time. */
function talkOf(plan: CallPlan): Talk {
  const kind = storyKindOf(plan.to)
  const pick = picker(plan.to)
  const machine = kind === 'voicemail'
  const greetingMs = machine ? pick('greeting', 3000, 8000) : pick('greeting', 700, 1800)
  const textEndsMs = greetingMs + (plan.textLength / SPOKEN_CHARACTERS_PER_SECOND) * 1000
  const waitMs = machine ? 0 : plan.waitForKeySeconds * 1000
  const key = kind === 'talks' && waitMs > 0 ? keyPressedBy(plan.to) : ''
  const keyAtMs = textEndsMs + pick('key', 0.1, 0.7) * waitMs
  const goodbyeMs = pick('goodbye', 500, 1500)
  const saidAllMs = (key === '' ? textEndsMs + waitMs : keyAtMs) + goodbyeMs
  const hangsUp = kind === 'hangs-up'
  return {
    answeredBy: machine ? 'machine' : 'human',
    lengthMs: hangsUp ? Math.min(pick('patience', 1000, 5000), saidAllMs) : saidAllMs,
    ending: machine ? 'machine-took-it' : hangsUp ? 'person-hung-up' : 'agent-finished',
    spokenAfter(talkedMs) {
      const characters = Math.floor(((talkedMs - greetingMs) / 1000) * SPOKEN_CHARACTERS_PER_SECOND + 1e-6)
      return Math.max(0, Math.min(plan.textLength, characters))
    },
    keysAfter: (talkedMs) => (talkedMs >= keyAtMs ? key : ''),
  }
}

/** Numbers in a range that depend on the called number and a word only, so that calls do not all last the same. */
function picker(to: string): (word: string, from: number, below: number) => number {
  return (word, from, below) => from + (hash(`${to} ${word}`) / 2 ** 32) * (below - from)
}

/** FNV-1a with the finisher of MurmurHash3, 32 bits: neighbouring numbers give values far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
