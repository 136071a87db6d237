import { expect, it } from 'vitest'
import { variablesUsedIn } from '../agents/announcement/speech.ts'
import { STORIES, storyKindOf } from '../carriers/loopback/story.ts'
import { DEMO_WORDS, demoPeople, peopleCsv } from './demo-people.ts'

it('has 200 people with numbers of their own that tell every story', () => {
  const people = demoPeople()
  expect(people).toHaveLength(200)
  expect(new Set(people.map(({ number }) => number)).size).toBe(200)
  expect(new Set(people.map(({ number }) => storyKindOf(number)))).toEqual(new Set(STORIES.map(({ kind }) => kind)))
  expect(people.every(({ number }) => /^\+1(415|212)55501\d\d$/.test(number))).toBe(true)
})

it('lets the slow stories begin early', () => {
  const slow = demoPeople().flatMap(({ number }, index) => (Number(number.slice(-2)) >= 97 ? [index] : []))
  expect(slow).toHaveLength(6)
  expect(Math.max(...slow)).toBeLessThan(60)
})

it('writes a line for each, with a column for every word the agent fills in', () => {
  const [header = '', ...lines] = peopleCsv(demoPeople()).trimEnd().split('\n')
  expect(lines).toHaveLength(200)
  expect(lines.every((line) => line.split(',').length === header.split(',').length)).toBe(true)
  expect(header.split(',')).toEqual(expect.arrayContaining(variablesUsedIn(DEMO_WORDS)))
})
