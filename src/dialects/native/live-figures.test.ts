import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { HEARTBEAT_MS, LiveFigures, type Reading, TICK_MS, WATCH_MAX_MS, type Watcher } from './live-figures.ts'

class Notes implements Watcher {
  readonly lines: string[] = []
  tell(text: string): void {
    this.lines.push(text)
  }
  beat(): void {
    this.lines.push('beat')
  }
  end(reason: string): void {
    this.lines.push(`end ${reason}`)
  }
}

function watched() {
  const clock = new FakeClock()
  const live = new LiveFigures(clock)
  const state = { text: '0', final: false, reads: 0, failing: false }
  const read = async (): Promise<Reading> => {
    state.reads++
    if (state.failing) throw new Error('The database is away.')
    return { text: state.text, final: state.final }
  }
  const join = () => {
    const notes = new Notes()
    return { notes, leave: live.watch('batch', read, notes) }
  }
  return { clock, live, state, join }
}

test('a change is told once, at most four times a second, to however many watch', async () => {
  const { clock, state, join } = watched()
  const watchers = [join(), join(), join()]
  for (let at = 1; at <= 100; at++) {
    state.text = String(at)
    await clock.advanceSettling(10)
  }
  expect(state.reads).toBeLessThanOrEqual(1_000 / TICK_MS + 1)
  for (const { notes } of watchers) {
    expect(notes.lines.length).toBe(state.reads)
    expect(new Set(notes.lines).size).toBe(notes.lines.length)
  }
  expect(join().notes.lines).toEqual([watchers[0]!.notes.lines.at(-1)])
})

test('without changes there is a sign of life and nothing else', async () => {
  const { clock, join } = watched()
  const { notes } = join()
  await clock.advanceSettling(2 * HEARTBEAT_MS + TICK_MS)
  expect(notes.lines).toEqual(['0', 'beat', 'beat'])
})

test('the last state is told before the end, and then nobody reads', async () => {
  const { clock, state, join } = watched()
  const { notes } = join()
  await clock.advanceSettling(TICK_MS)
  Object.assign(state, { text: 'done', final: true })
  await clock.advanceSettling(TICK_MS)
  expect(notes.lines).toEqual(['0', 'done', 'end final'])
  expect(clock.pendingTimers).toBe(0)
})

test('when the last watcher leaves nobody reads any more', async () => {
  const { clock, state, join } = watched()
  const [one, two] = [join(), join()]
  await clock.advanceSettling(TICK_MS)
  one.leave()
  one.leave()
  await clock.advanceSettling(TICK_MS)
  two.leave()
  const { reads } = state
  await clock.advanceSettling(10 * TICK_MS)
  expect(state.reads).toBe(reads)
  expect(clock.pendingTimers).toBe(0)
  expect(one.notes.lines).toEqual(['0'])
})

test('a failed read, an hour, and the end of the server send watchers away', async () => {
  const failing = watched()
  const first = failing.join()
  failing.state.failing = true
  await failing.clock.advanceSettling(TICK_MS)
  expect(first.notes.lines).toEqual(['end failed'])

  const long = watched()
  const second = long.join()
  await long.clock.advanceSettling(WATCH_MAX_MS + 2 * TICK_MS)
  expect(second.notes.lines.at(-1)).toBe('end time-over')
  expect(long.clock.pendingTimers).toBe(0)

  const closing = watched()
  const third = closing.join()
  await closing.clock.advanceSettling(TICK_MS)
  closing.live.close()
  expect(third.notes.lines).toEqual(['0', 'end closing'])
})
