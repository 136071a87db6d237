import { expect, it } from 'vitest'
import { renderTable } from './table.ts'
import { plainPaint, widthOf } from './terminal.ts'

const rows = [
  { id: '84734ae7-46c5-4b3a-bc58-98230d90791e', name: 'January reminders for everyone who is due', count: 7 },
  { id: 'a4734ae7-46c5-4b3a-bc58-98230d90791e', name: 'Zoë\u001b[31m', count: 12_000 },
]
const columns = [
  { title: 'ID', value: (row: (typeof rows)[0]) => row.id, whole: true as const },
  { title: 'NAME', value: (row: (typeof rows)[0]) => row.name },
  { title: 'COUNT', value: (row: (typeof rows)[0]) => row.count, align: 'right' as const },
]

it('fits the terminal by cutting what may be cut, never an id', () => {
  const lines = renderTable(rows, columns, { columns: 60, paint: plainPaint, unicode: false })
  expect(lines).toEqual([
    'ID                                    NAME             COUNT',
    '84734ae7-46c5-4b3a-bc58-98230d90791e  January remin..      7',
    'a4734ae7-46c5-4b3a-bc58-98230d90791e  Zoë [31m         12000',
  ])
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(60)
})

it('shows a dash for nothing', () => {
  const [, line] = renderTable([{ id: null }], [{ title: 'ID', value: ({ id }) => id }], {
    columns: 60,
    paint: plainPaint,
    unicode: false,
  })
  expect(line).toBe('-')
})
