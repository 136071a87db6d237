/** Types of the columns that a statement takes as parameters, an array each, by their names. */
type Columns = Readonly<Record<string, string>>

/** The parameters from $`first` on. */
export function parameters(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `$${first + index}`)
}

/** Columns side by side as rows. Shorter ones are filled up with NULL. */
export function unnestSql(columns: Columns, first: number): string {
  return Object.entries(columns)
    .map(([name, type], index) => `unnest($${first + index}::${type}[]) AS ${name}`)
    .join(', ')
}

/**
 * SQL of columns whose parameters begin with $`first`: `all` of a column, `of` it the element at `index`, which is NULL in an
 * empty array. `next` is the number of the parameter behind them. An element is found at once, as long as no element is NULL.
 */
export function columnsSql<Name extends string>(
  columns: Readonly<Record<Name, string>>,
  { first, index }: { first: number; index: string },
) {
  const names = Object.keys(columns) as Name[]
  const all = (name: Name) => `$${first + names.indexOf(name)}::${columns[name]}[]`
  const of = (name: Name) => `(${all(name)})[${index}]`
  return { all, of, next: first + names.length }
}
