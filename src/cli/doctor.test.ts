import { describe, expect, it } from 'vitest'
import { databaseFindings } from './doctor-database.ts'
import { checkNode, checkSettings } from './doctor-machine.ts'

const report = {
  version: '18.4',
  versionNumber: 180_004,
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  maxConnections: 100,
  isReadOnly: false,
  clock: { aheadMs: 3, uncertaintyMs: 1 },
}
const levels = (changes: Partial<typeof report> | { clock: null }): string[] =>
  databaseFindings({ ...report, ...changes }).map(({ level }) => level)

describe('databaseFindings', () => {
  it('finds nothing wrong with a database that keeps what it acknowledges', () => {
    expect(new Set(levels({}))).toEqual(new Set(['ok']))
  })

  it.each([
    [{ fsync: 'off' }, 'fsync is off'],
    [{ fullPageWrites: 'off' }, 'full_page_writes is off'],
    [{ synchronousCommit: 'off' }, 'synchronous_commit is off'],
    [{ versionNumber: 130_012 }, 'PostgreSQL'],
    [{ isReadOnly: true }, 'takes no writes'],
    [{ clock: { aheadMs: -2100, uncertaintyMs: 5 } }, '2100 ms behind'],
  ])('is alarmed by %o', (changes, text) => {
    const [bad, ...others] = databaseFindings({ ...report, ...changes }).filter(({ level }) => level === 'bad')
    expect(bad?.text).toContain(text)
    expect(bad?.remedy).toBeTruthy()
    expect(others).toEqual([])
  })

  it('warns of commits that a fail-over can lose, and of clocks that drift', () => {
    expect(levels({ synchronousCommit: 'local' })).toContain('warning')
    expect(levels({ clock: { aheadMs: 700, uncertaintyMs: 5 } })).toContain('warning')
    expect(levels({ clock: { aheadMs: 700, uncertaintyMs: 400 } })).not.toContain('warning')
    expect(levels({ clock: null })).toContain('note')
  })
})

describe('the machine', () => {
  it.each([
    ['20.18.3', 'bad'],
    ['18.20.0', 'bad'],
    ['20.19.0', 'ok'],
    ['26.10.0', 'ok'],
  ])('finds Node.js %s %s', (version, level) => {
    expect(checkNode(version).level).toBe(level)
  })

  it('shows wrong settings without their secrets, and misspelt ones', () => {
    const found = checkSettings({
      PORT: 'many',
      DATABASE_URL: 'mysql://u:hunter2@h/d',
      CARILLON_PROT: '1',
      CARILLON_URL: 'x',
    })
    expect(found.map(({ level }) => level)).toEqual(['bad', 'bad', 'warning'])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })
})
