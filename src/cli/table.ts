import { clip, harmless, type Style, widthOf } from './terminal.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number | null | undefined
  readonly align?: 'left' | 'right'
  /** Given room first and never cut: ids that are copied. */
  readonly whole?: true
  readonly paint?: (text: string, row: Row) => string
}

const GAP = '  '
const NARROWEST_COLUMN = 6

/** Rows under their titles, as wide as the terminal at most: the widest columns that may be cut are cut first. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: Style): string[] {
  const cells = rows.map((row) => columns.map((column) => textOf(column.value(row))))
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  narrow(widths, columns, style.columns)
  const titles = columns.map((column, index) => pad(column.title, widths[index] ?? 0, column.align))
  const lines = rows.map((row, rowIndex) =>
    columns.map((column, index) => {
      const text = pad(clip(cells[rowIndex]?.[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, column.align)
      return column.paint === undefined ? text : column.paint(text, row)
    }),
  )
  return [style.paint.dim(titles.join(GAP).trimEnd()), ...lines.map((line) => line.join(GAP).trimEnd())]
}

function narrow<Row>(widths: number[], columns: readonly Column<Row>[], room: number): void {
  let tooMuch = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - room
  while (tooMuch > 0) {
    let widest = -1
    for (const [index, column] of columns.entries()) {
      if (column.whole === true || (widths[index] ?? 0) <= NARROWEST_COLUMN) continue
      if (widest < 0 || (widths[index] ?? 0) > (widths[widest] ?? 0)) widest = index
    }
    if (widest < 0) return
    widths[widest] = (widths[widest] ?? 0) - 1
    tooMuch -= 1
  }
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? space + text : text + space
}

function textOf(value: string | number | null | undefined): string {
  return value === null || value === undefined || value === '' ? '-' : harmless(String(value))
}
