/** With commas between thousands. */
export function number(value: number): string {
  return value.toLocaleString('en')
}

/** Rows of equal cells as lines of Markdown; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const [head, ...body] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head!), line(head!.map((_, at) => (at === 0 ? '---' : '---:'))), ...body.map(line)]
}

/** A share as percents; what is not known is a dash. */
export function shareText(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${Math.round(share * 1000) / 10} %`
}
