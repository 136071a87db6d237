import { describe, expect, it } from 'vitest'
import { clip, openTerminal } from './terminal.ts'

function opened(
  environment: Record<string, string | undefined>,
  stream: { isTTY?: boolean; columns?: number } = { isTTY: true },
) {
  const written: string[] = []
  const stdout = { ...stream, write: (text: string) => written.push(text) }
  return { terminal: openTerminal({ stdout, stderr: stdout, environment }), written }
}

describe('openTerminal', () => {
  it('colours a screen, and nothing else unless it is forced', () => {
    expect(opened({}).terminal.style.paint.red('x')).toBe('\u001b[31mx\u001b[0m')
    expect(opened({}, {}).terminal.style.paint.red('x')).toBe('x')
    expect(opened({ FORCE_COLOR: '1' }, {}).terminal.style.paint.red('x')).toContain('\u001b')
  })

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }])('has no colours with %o', (environment) => {
    expect(opened(environment).terminal.style.paint.red('x')).toBe('x')
  })

  it('lets colours alone when NO_COLOR is empty', () => {
    expect(opened({ NO_COLOR: '' }).terminal.style.paint.red('x')).toContain('\u001b')
  })

  it('draws in place only where that works', () => {
    expect(opened({ NO_COLOR: '1' }).terminal.isLive).toBe(true)
    expect(opened({ TERM: 'dumb' }).terminal.isLive).toBe(false)
    expect(opened({}, {}).terminal.isLive).toBe(false)
  })

  it('takes 80 columns for a pipe, and leaves the last one free', () => {
    expect(opened({}, {}).terminal.style.columns).toBe(79)
    expect(opened({}, { isTTY: true, columns: 0 }).terminal.style.columns).toBe(79)
    expect(opened({}, { isTTY: true, columns: 60 }).terminal.style.columns).toBe(59)
    expect(opened({}, { isTTY: true, columns: 300 }).terminal.style.columns).toBe(99)
  })
})

it('marks what is cut', () => {
  expect(clip('abcdefgh', 8)).toBe('abcdefgh')
  expect(clip('abcdefghi', 8)).toBe('abcdef..')
  expect(clip('abc', 1)).toBe('a')
})
