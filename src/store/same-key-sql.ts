/**
 * SQL of "the row of `table` with this key", a key of the organization $1 whose further columns, in the order of an index, equal
 * these expressions. For joins: compared by BETWEEN, the planner can answer it by a probe of the index for each row of the other
 * side, and in no other way. With `=` it may go through all that the organization has in the table and compare each with the
 * other side; it does so when a plan is made while the table is empty, and a connection keeps its plans.
 *
 * Not where another index begins with the organization and no further column of the key: the planner may take that one, by its
 * first column alone. `suppression` has such an index, and all that was ever suppressed was read for each candidate.
 */
export function sameKeySql(table: string, key: Readonly<Record<string, string>>): string {
  const columns = ['organization_id', ...Object.keys(key)].map((column) => `${table}.${column}`)
  const value = `(${['$1::int', ...Object.values(key)].join(', ')})`
  return `(${columns.join(', ')}) BETWEEN ${value} AND ${value}`
}
