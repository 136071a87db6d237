import { describe, expect, it } from 'vitest'
import { canonicalWindow, decodeBatch, decodeFilter, recipientOf } from './decode.ts'
import type { BatchRequest, CallTimeWindow } from './wire.ts'

const TERMS = { agent: 'a', callerNumber: 'n', liveMax: 50 }
const TASK = { to_number: '+12137774445' }
const decoded = (rest: Partial<BatchRequest> = {}) =>
  decodeBatch({ from_number: '+14157774444', tasks: [TASK], ...rest }, [TASK], TERMS)
const window = (windows: [number, number][], rest: Partial<CallTimeWindow> = {}): CallTimeWindow => ({
  windows: windows.map(([start, end]) => ({ start, end })),
  ...rest,
})

describe('a window of hours', () => {
  it('is sorted, joined where its parts touch, and named with its zone and days in order', () => {
    const sent = window(
      [
        [900, 1_440],
        [540, 600],
        [600, 700],
        [650, 660],
      ],
      { day: ['Sunday', 'Monday', 'Sunday'] },
    )
    expect(canonicalWindow(sent)).toEqual({
      ...window([
        [540, 700],
        [900, 1_440],
      ]),
      timezone: 'America/Los_Angeles',
      day: ['Monday', 'Sunday'],
    })
  })

  it('becomes the hours in which people may be rung', () => {
    const sent = window([[0, 1_440]], { timezone: 'Europe/London', day: ['Saturday'] })
    expect(decoded({ call_time_window: sent }).callingWindow).toEqual({
      zone: 'Europe/London',
      ranges: [{ weekdays: [6], from: '00:00', to: '24:00' }],
    })
    expect(decoded({ call_time_window: window([[541, 1_019]]) }).callingWindow).toEqual({
      zone: 'America/Los_Angeles',
      ranges: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: '09:01', to: '16:59' }],
    })
    expect(decoded().callingWindow).toBeNull()
  })

  it('ends on the day it begins', () => {
    expect(() => canonicalWindow(window([[540, 540]]))).toThrow('windows[0].end must be later than start')
    expect(() =>
      canonicalWindow(
        window([
          [540, 600],
          [600, 500],
        ]),
      ),
    ).toThrow('windows[1].end')
  })
})

describe('a batch', () => {
  it('leaves what is reserved to other calls', () => {
    expect(decoded().concurrency).toBeUndefined()
    expect(decoded({ reserved_concurrency: 0 }).concurrency).toBe(50)
    expect(decoded({ reserved_concurrency: 49 }).concurrency).toBe(1)
    expect(() => decoded({ reserved_concurrency: 50 })).toThrow('at most 49')
  })

  it('starts at its instant in milliseconds, and one in seconds is refused', () => {
    expect(decoded({ trigger_timestamp: 1_735_718_400_000 }).startAt).toEqual(new Date('2025-01-01T08:00:00Z'))
    expect(decoded().startAt).toBeNull()
    expect(() => decoded({ trigger_timestamp: 1_735_718_400 })).toThrow('milliseconds')
  })

  it('keeps the agent of a task as it was named', () => {
    const task = { ...TASK, override_agent_id: 'agent_x', metadata: { a: 1 } }
    expect(recipientOf(task, 'uuid')).toEqual({
      to: TASK.to_number,
      agent: 'uuid',
      variables: undefined,
      metadata: { a: 1 },
      dialectFields: { override_agent_id: 'agent_x' },
    })
  })
})

describe('a filter', () => {
  const words = <Word extends string>(...value: Word[]) => ({ type: 'enum' as const, op: 'in' as const, value })

  it('without a status asks for everything', () => {
    expect(decodeFilter({})).toMatchObject({ asked: {}, isEmpty: false })
  })

  it('by status asks for what may have it, and looks at each', () => {
    const { asked, fits } = decodeFilter({ call_status: words('ended') })
    expect(asked).toEqual({ states: [], outcomes: ['answered', 'voicemail'] })
    expect(fits({ state: 'ended', outcome: 'answered', cause: 'agent-error' } as never)).toBe(false)
    expect(fits({ state: 'ended', outcome: 'answered', cause: 'agent-hung-up' } as never)).toBe(true)
    expect(decodeFilter({ call_status: words('ongoing') }).asked).toEqual({ states: ['answered'], outcomes: [] })
  })

  it('that nothing can fit is empty', () => {
    expect(decodeFilter({ call_type: words('web_call') }).isEmpty).toBe(true)
    expect(decodeFilter({ direction: words('inbound') }).isEmpty).toBe(true)
    expect(decodeFilter({ direction: words('inbound', 'outbound') }).isEmpty).toBe(false)
    const both = { call_status: words('ongoing'), disconnection_reason: words('dial_busy') }
    expect(decodeFilter(both).isEmpty).toBe(true)
  })

  it.each([
    ['ge', 1_900_000_000_000, { from: new Date(1_900_000_000_000) }],
    ['gt', 1_900_000_000_000, { from: new Date(1_900_000_000_001) }],
    ['le', 1_900_000_000_000, { before: new Date(1_900_000_000_001) }],
    ['lt', 1_900_000_000_000, { before: new Date(1_900_000_000_000) }],
    ['ge', 0, { from: new Date('2000-01-01') }],
    ['lt', 9e15, { before: new Date('2199-01-01') }],
  ] as const)('of a time that is %s %i is %j', (op, value, asked) => {
    expect(decodeFilter({ start_timestamp: { type: 'number', op, value } }).asked).toEqual(asked)
  })

  it('between two instants includes both', () => {
    const between = { type: 'range' as const, op: 'bt' as const, value: [1_900_000_000_000, 1_900_000_000_005] }
    expect(decodeFilter({ start_timestamp: between }).asked).toEqual({
      from: new Date(1_900_000_000_000),
      before: new Date(1_900_000_000_006),
    })
  })
})
