/**
 * True when the successor of the recipient `row` has not had its turn: it enters `due` once, also when the one before it
 * becomes final again because somebody asked for a retry. Whether its number is in a call is not asked here: where a
 * call ends it cannot be. Rides due_recipient, attempt_pkey and verdict_pkey; asked only where numbers are repeated. A subquery
 * of at most one row is a probe for each row; NOT EXISTS may be turned into a join that goes through a whole table.
 */
export function untouchedSql(row: string): string {
  const isNotIn = (table: string) =>
    `(SELECT true FROM ${table} z WHERE z.organization_id = $1::int AND z.batch_id = ${row}.batch_id AND z.seq = ${row}.successor_seq LIMIT 1) IS NULL`
  return ['due', 'attempt', 'verdict'].map(isNotIn).join(' AND ')
}
