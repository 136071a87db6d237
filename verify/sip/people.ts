import type { AttemptDisposition } from '../../src/model/disposition.ts'
import {
  answer,
  answerCancelled,
  answerInDialog,
  keepSequence,
  pause,
  recv,
  type Step,
  scenario,
} from '../../test/sip/scenario.ts'
import type { Random } from '../random.ts'

const FIRST_NUMBER = 14_155_552_000
const FIRST_NAMES = [
  'Ada',
  'Björn',
  'Chidi',
  'Dolores',
  'Emil',
  'Fatima',
  'Grace',
  'Håkon',
  'Inés',
  'Jamal',
  'Keiko',
  'Léa',
]
const LAST_NAMES = [
  'Abbott',
  'Berg',
  'Castro',
  'Diaz',
  'Eze',
  'Fischer',
  'García',
  'Huber',
  'Ito',
  'Jansen',
  'Kaya',
  'Lund',
  'Moreau',
  'Novak',
  'Okoye',
]

export interface Person {
  /** E.164 with the plus. */
  readonly number: string
  readonly name: string
  readonly story: Story
}

/** What a telephone does, by the last two digits of its number, and what the product must make of it. */
export interface Story {
  readonly word: string
  readonly endings: RegExp
  readonly outcome: AttemptDisposition
  /** Calls that such a person gets with two attempts at most. */
  readonly attempts: number
  readonly steps: readonly Step[]
}

const SDP = { sdp: true } as const

export const STORIES: readonly Story[] = [
  { word: 'busy', endings: /6\d$/, outcome: 'busy', attempts: 2, steps: [answer(486, 'Busy Here'), recv('ACK')] },
  {
    word: 'declines',
    endings: /7\d$/,
    outcome: 'rejected',
    attempts: 1,
    steps: [answer(180, 'Ringing'), pause(200), answer(603, 'Decline'), recv('ACK')],
  },
  {
    word: 'unallocated',
    endings: /8\d$/,
    outcome: 'failed',
    attempts: 1,
    steps: [answer(404, 'Not Found', { headers: ['Reason: Q.850;cause=1'] }), recv('ACK')],
  },
  {
    word: 'ringsOut',
    endings: /99$/,
    outcome: 'no-answer',
    attempts: 2,
    steps: [answer(180, 'Ringing'), recv('CANCEL'), answerInDialog(200, 'OK'), answerCancelled(), recv('ACK')],
  },
]

const ANSWERS: Story = {
  word: 'answers',
  endings: /\d\d$/,
  outcome: 'answered',
  attempts: 1,
  steps: [
    answer(180, 'Ringing'),
    pause(300),
    answer(200, 'OK', SDP).replaceAll('[media_port]', '[ear]'),
    recv('ACK'),
    recv('BYE'),
    answerInDialog(200, 'OK'),
  ],
}

export function peopleOf(count: number): Person[] {
  return Array.from({ length: count }, (_, index) => {
    const number = `+${FIRST_NUMBER + index}`
    const name = `${FIRST_NAMES[index % FIRST_NAMES.length]} ${LAST_NAMES[Math.floor(index / FIRST_NAMES.length) % LAST_NAMES.length]}`
    return { number, name, story: storyOf(number) }
  })
}

/** Different numbers in an order that the seed decides. */
export function numbersOfTrunk(count: number, random: Random): string[] {
  return random.shuffled(peopleOf(count).map(({ number }) => number))
}

export function storyOf(number: string): Story {
  return STORIES.find(({ endings }) => endings.test(number)) ?? ANSWERS
}

/** One scenario of sipp for all of them: it looks at the number and goes to the right place. */
export function exchangeScenario(): string {
  const find = STORIES.map(
    ({ word, endings }) =>
      `<ereg regexp="${endings.source.replace('\\d', '[0-9]').replace('$', '@')}" search_in="hdr" header="To:" assign_to="${word}"/>`,
  ).join('')
  const jumps = STORIES.map(({ word }) => `<nop next="${word}" test="${word}"/>`)
  const end = '<nop next="end"/>'
  const branches = STORIES.flatMap(({ word, steps }) => [`<label id="${word}"/>`, ...steps, end])
  const variables = STORIES.map(({ word }) => word).join(',')
  return scenario('exchange', [
    recv('INVITE', { action: keepSequence + find }),
    answer(100, 'Trying'),
    ...jumps,
    ...ANSWERS.steps,
    end,
    ...branches,
    '<label id="end"/>',
    '<nop/>',
    `<Reference variables="${variables}"/>`,
  ])
}

/** Words that set each text apart from its neighbours', whose names may share a half. */
export function codeOf({ number }: Person): string {
  return [...number.slice(-3)].reverse().join(' ')
}
