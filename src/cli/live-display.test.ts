import { describe, expect, it } from 'vitest'
import type { BatchDocument, Figures } from './api-types.ts'
import { isOver, type LiveView, renderLive, wrapped } from './live-display.ts'
import { openTerminal, plainPaint, type Style, widthOf } from './terminal.ts'

const style: Style = { columns: 79, paint: plainPaint, unicode: false }

function figures(changes: Partial<Figures> = {}): Figures {
  return {
    total: 200,
    waiting: 45,
    due: 0,
    live: 12,
    settled: 143,
    dialing: 1,
    accepted: 1,
    ringing: 6,
    talking: 4,
    attempts: 155,
    talkSeconds: 900,
    outcomes: { answered: 101, busy: 14, 'no-answer': 14, voicemail: 10, rejected: 4 },
    ...changes,
  }
}

function view(changes: Partial<BatchDocument> = {}, more: Partial<LiveView> = {}): LiveView {
  const batch: BatchDocument = {
    id: 'f1d2',
    name: 'people.csv',
    status: 'running',
    createdAt: '2025-01-06T09:00:00.000Z',
    rejectedRows: 0,
    figures: figures(),
    waiting: { reason: 'in-line', text: 'Everyone is in line.', nextTryAt: null },
    ...changes,
  }
  const pace = { callsPerSecond: 11.72, secondsLeft: 6.2 }
  return { batch, pace, elapsedSeconds: 12.4, nowEpochMs: Date.parse('2025-01-06T09:00:12Z'), ...more }
}

describe('renderLive', () => {
  it('shows head, bar, outcomes and live calls', () => {
    expect(renderLive(view(), style)).toEqual([
      'people.csv  running                                        0:12, about 6 s left',
      '##########################################++++..............  143 of 200   71 %',
      'answered 101   voicemail 10   busy 14   no-answer 14   rejected 4',
      '12 live: 2 dialing, 6 ringing, 4 talking   45 waiting   11.7 calls/s',
    ])
  })

  it('fills the bar in proportion and never beyond its width', () => {
    const bar = (changes: Partial<Figures>): string => renderLive(view({ figures: figures(changes) }), style)[1] ?? ''
    const widthOfBar = (line: string): number => /^[#+.]+/.exec(line)?.[0].length ?? 0
    expect(bar({ settled: 0, live: 0, waiting: 200 })).toMatch(/^\.+ {2}0 of 200/)
    expect(bar({ settled: 200, live: 0, waiting: 0 })).toMatch(/^#+ {2}200 of 200 {2}100 %$/)
    expect(widthOfBar(bar({ settled: 199, live: 1 }))).toBe(widthOfBar(bar({ settled: 199, live: 0 })))
    expect(bar({ settled: 199, live: 1, waiting: 0 })).toMatch(/^#+\+ {2}199 of 200 {3}99 %$/)
    expect(bar({ total: 0, settled: 0, live: 0, waiting: 0, outcomes: {} })).toMatch(/0 of 0 {2}100 %$/)
  })

  it('says why nobody is being called, and when the next try is', () => {
    const waiting = {
      reason: 'outside-calling-window',
      text: 'It is night where they live.',
      nextTryAt: '2025-01-06T11:05:12Z',
    }
    expect(renderLive(view({ waiting }), style).at(-1)).toBe('It is night where they live. Next try in 2 h 5 min.')
    expect(
      renderLive(view({ waiting, status: 'completed', figures: figures({ live: 0 }) }), style).join(),
    ).not.toContain('night')
  })

  it('says that the server is away instead', () => {
    const lines = renderLive(view({}, { trouble: 'No Carillon answers at http://127.0.0.1:8080.' }), style)
    expect(lines.at(-1)).toBe('No Carillon answers at http://127.0.0.1:8080. Trying again.')
  })

  it('keeps every line within the width, whatever the batch holds', () => {
    const name = 'a list with a very long name that nobody would ever want to type again and again.csv'
    const outcomes = Object.fromEntries(
      ['answered', 'voicemail', 'busy', 'no-answer', 'rejected', 'failed', 'unknown', 'cancelled', 'suppressed'].map(
        (word) => [word, 123_456],
      ),
    )
    const waiting = { reason: 'trunk-unreachable', text: 'The carrier does not answer. '.repeat(9), nextTryAt: null }
    for (const columns of [39, 79, 99]) {
      const lines = renderLive(view({ name, figures: figures({ outcomes }), waiting }), { ...style, columns })
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns)
    }
  })

  it('lets no control character of a name reach the terminal', () => {
    const [head] = renderLive(view({ name: 'a\u001b[2Jb\u202e' }), style)
    expect(head).toContain('a [2Jb ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the test.
    expect(head).not.toMatch(/[\u0000-\u001f\u202e]/)
  })

  it('looks the same with colours, colours aside', () => {
    const stdout = { isTTY: true, columns: 80, write: () => true }
    const coloured = openTerminal({ stdout, stderr: stdout, environment: { TERM: 'xterm', LANG: 'C' } }).style
    const lines = renderLive(view(), { ...coloured, unicode: false })
    expect(lines.join('\n')).toContain('\u001b[32m')
    expect(lines.map(widthOf)).toEqual(renderLive(view(), style).map(widthOf))
  })
})

describe('wrapped', () => {
  it('starts a new line when the next item does not fit', () => {
    expect(wrapped(['aaaa', 'bbbb', 'cc'], 11)).toEqual(['aaaa   bbbb', 'cc'])
    expect(wrapped([], 10)).toEqual([])
  })
})

describe('isOver', () => {
  it('waits for the live calls of a cancelled batch', () => {
    expect(isOver({ status: 'cancelled', figures: figures({ live: 1 }) })).toBe(false)
    expect(isOver({ status: 'cancelled', figures: figures({ live: 0 }) })).toBe(true)
    expect(isOver({ status: 'paused', figures: figures({ live: 0 }) })).toBe(false)
  })
})
