/**
 * The last part of every statement that makes something happen: it appends one event block, whose number comes from
 * the gate row that the transaction holds. So blocks are numbered without gaps and in the order of their commits,
 * and an event stands in the log exactly if what it tells was applied.
 *
 * `entries` names a CTE with columns (batch_id, seq, n, kind, code, at_ms); `liveDelta` is added to the gate's live calls.
 */
export function eventBlockSql(entries: string, liveDelta: string): string {
  return `packed AS MATERIALIZED (SELECT array_agg(batch_id) AS batch_ids, array_agg(seq) AS seqs, array_agg(n) AS ns,
    array_agg(kind) AS kinds, array_agg(code) AS codes, array_agg(at_ms) AS ats FROM ${entries}),
 ${packedBlockSql(liveDelta)}`
}

/** The same for a CTE `packed` of one row that holds the block's columns: batch_ids, seqs, ns, kinds, codes, ats. */
export function packedBlockSql(liveDelta: string): string {
  return `passed AS (UPDATE gate SET live = live + ${liveDelta}, block_no = block_no + 1
   WHERE organization_id = $1::int AND (SELECT batch_ids IS NOT NULL FROM packed) RETURNING block_no),
 logged AS (INSERT INTO event_block (organization_id, block_no, at, batch_id, seq, n, kind, code, at_ms)
   SELECT $1::int, passed.block_no, $2::timestamptz, p.batch_ids, p.seqs, p.ns, p.kinds, p.codes, p.ats FROM passed, packed p)`
}
