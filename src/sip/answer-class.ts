import type { CallEnding } from './ending.ts'

/** The final answer to the INVITE of a call, by its first digit; `none`: none came. */
export const ANSWER_CLASSES = ['2xx', '3xx', '4xx', '5xx', '6xx', 'none'] as const
export type AnswerClass = (typeof ANSWER_CLASSES)[number]

export function answerClassOf(ending: CallEnding): AnswerClass {
  if (ending.kind === 'lost') return 'none'
  if (!('status' in ending)) return '2xx'
  const { status } = ending
  return status === null
    ? 'none'
    : (ANSWER_CLASSES.find((each) => Number(each[0]) === Math.floor(status / 100)) ?? 'none')
}
