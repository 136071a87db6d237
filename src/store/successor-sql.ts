/**
 * True when the successor of the recipient `row` has not had its turn: it enters `due` once, also when the one before it
 * becomes final again because somebody asked for a retry. Whether its number is in a call is not asked here: where a
 * call ends it cannot be. Rides due_recipient, attempt_pkey and verdict_pkey; asked only where numbers are repeated.
 */
export function untouchedSql(row: string): string {
  const isIn = (table: string) =>
    `EXISTS (SELECT 1 FROM ${table} z WHERE z.organization_id = $1::int AND z.batch_id = ${row}.batch_id AND z.seq = ${row}.successor_seq)`
  return `NOT ${isIn('due')} AND NOT ${isIn('attempt')} AND NOT ${isIn('verdict')}`
}
