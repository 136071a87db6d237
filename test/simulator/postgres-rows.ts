import type pg from 'pg'
import { loadBatchesById, loadTrunkDefinitions } from '../../src/store/definitions.ts'
import { FINAL_OUTCOMES } from '../../src/store/outcome-columns.ts'
import type { Queryable } from '../../src/store/statement.ts'
import {
  type AttemptRow,
  attemptKey,
  type DueRow,
  type Figures,
  type LaneRow,
  type LiveRow,
  laneKey,
  personKey,
  type RecipientRow,
  type Tables,
  type VerdictRow,
} from './memory-rows.ts'

const at = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs))

/** Writes an organization as a scenario has made it: nothing has been dialled. */
export async function insertTables(client: pg.Client, tables: Tables): Promise<void> {
  const { organizationId: id } = tables
  const now = new Date(0)
  const gate = tables.gate.get(0)!
  const uuid = `00000000-0000-4000-9000-${String(id).padStart(12, '0')}`
  await client.query(
    `INSERT INTO organization (organization_id, organization_uuid, name, created_at) OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'simulated', $3)`,
    [id, uuid, now],
  )
  await client.query('INSERT INTO gate (organization_id, live_max, version) VALUES ($1, $2, $3)', [
    id,
    gate.liveMax,
    gate.version,
  ])
  await client.query(
    `INSERT INTO agent (organization_id, agent_id, agent_uuid, name, kind, settings, created_at) VALUES ($1, 1, $2, 'agent', 'announcement', $3, $4)`,
    [id, uuid, JSON.stringify([...tables.batches.values()][0]!.terms.agent.settings), now],
  )
  for (const { definition, liveMax, callsPerSecond, tokens, refilledAt } of tables.trunks.values()) {
    const { trunkId, trunkUuid, carrier, settings, version } = definition
    await client.query('INSERT INTO trunk VALUES ($1, $2, $3, $4, $4, $5, $6, $7)', [
      id,
      trunkId,
      trunkUuid,
      carrier,
      settings,
      version,
      now,
    ])
    await client.query(
      'INSERT INTO trunk_state (organization_id, trunk_id, live_max, calls_per_second, tokens, refilled_at) VALUES ($1, $2, $3, $4, $5, $6)',
      [id, trunkId, liveMax, callsPerSecond, tokens, at(refilledAt)],
    )
  }
  for (const [throttleId, { rules, starts }] of tables.throttles) {
    const throttleUuid = `00000000-0000-4000-b000-${String(id * 100 + throttleId).padStart(12, '0')}`
    await client.query('INSERT INTO throttle VALUES ($1, $2, $3, $4, $5, $6)', [
      id,
      throttleId,
      throttleUuid,
      `throttle ${throttleId}`,
      JSON.stringify(rules),
      now,
    ])
    await client.query('INSERT INTO throttle_state VALUES ($1, $2, $3)', [id, throttleId, starts.map(at)])
  }
  for (const [batchId, batch] of tables.batches) {
    const { terms } = batch
    await client.query(
      `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
         max_call_seconds, calling_window, retry_policy, duplicate_numbers, version, created_at, updated_at, throttle_id)
       VALUES ($1, $2, $3, 'batch', 'native', 1, $4, $5, $6, $7, $8, $9, 'call', $10, $11, $11, $12)`,
      [
        id,
        batchId,
        `00000000-0000-4000-a000-${String(id * 100 + batchId).padStart(12, '0')}`,
        Number(terms.caller),
        terms.trunkId,
        terms.ringTimeoutSeconds,
        terms.maxCallSeconds,
        terms.callingWindow === null ? null : JSON.stringify(terms.callingWindow),
        JSON.stringify(terms.retryPolicy),
        batch.version,
        now,
        terms.throttleId,
      ],
    )
    await client.query(
      `INSERT INTO batch_state (organization_id, batch_id, status, live_max, total, start_at, expires_at, started_at, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        id,
        batchId,
        batch.status,
        batch.liveMax,
        batch.total,
        at(batch.startAt),
        at(batch.expiresAt),
        at(batch.startedAt),
        batch.due,
      ],
    )
  }
  for (const lane of tables.lanes.values()) {
    await client.query(
      `INSERT INTO lane (organization_id, batch_id, lane, trunk_id, zones, first_seq, next_seq, end_seq, last_seq, caller_number, attempts_max)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        id,
        lane.batchId,
        lane.lane,
        lane.trunkId,
        lane.zones,
        lane.firstSeq,
        lane.nextSeq,
        lane.endSeq,
        lane.lastSeq,
        lane.caller === null ? null : Number(lane.caller),
        lane.attemptsMax,
      ],
    )
  }
  for (const { batchId, lane, dueAt, seq, n, counted, reason } of tables.due.values()) {
    await client.query('INSERT INTO due VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      id,
      batchId,
      lane,
      at(dueAt),
      seq,
      n,
      counted,
      reason,
    ])
  }
  const people = [...tables.recipients.values()]
  await client.query(
    `INSERT INTO recipient (organization_id, batch_id, seq, line, number, number_hash, successor_seq)
     SELECT $1, b, s, s, n, h, x FROM unnest($2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::int[]) r(b, s, n, h, x)`,
    [
      id,
      people.map((one) => one.batchId),
      people.map((one) => one.seq),
      people.map((one) => one.number),
      people.map((one) => one.numberHash),
      people.map((one) => one.successorSeq),
    ],
  )
}

const epochMs = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

/** Reads every row of an organization. */
export async function readTables(client: pg.Client, id: number): Promise<Tables> {
  const rows = async (text: string) => (await client.query(text, [id])).rows
  const keyed = async <Row>(text: string, keyOf: (row: Row) => string) =>
    new Map(((await rows(text)) as Row[]).map((row) => [keyOf(row), row]))
  const of = 'WHERE organization_id = $1'
  const person = ({ batchId, seq }: { batchId: number; seq: number }) => personKey(batchId, seq)
  const [gate] = await rows(
    `SELECT live_max AS "liveMax", live, block_no::int AS "blockNo", version::int FROM gate ${of}`,
  )
  return {
    organizationId: id,
    gate: new Map([[0, gate]]),
    trunks: await readTrunks(client, id),
    throttles: await readThrottles(client, id),
    batches: await readBatches(client, id),
    lanes: await keyed<LaneRow>(
      `SELECT batch_id AS "batchId", lane, trunk_id AS "trunkId", '+' || caller_number AS caller, attempts_max AS "attemptsMax", zones, first_seq AS "firstSeq", next_seq AS "nextSeq", end_seq AS "endSeq",
         last_seq AS "lastSeq", closed_as AS "closedAs", ${epochMs('closed_at')} AS "closedAt" FROM lane ${of} ORDER BY batch_id, lane`,
      (row) => laneKey(row.batchId, row.lane),
    ),
    recipients: await keyed<RecipientRow>(
      `SELECT batch_id AS "batchId", seq, number::float8, number_hash::text AS "numberHash", successor_seq AS "successorSeq" FROM recipient ${of} ORDER BY batch_id, seq`,
      person,
    ),
    due: await keyed<DueRow>(
      `SELECT batch_id AS "batchId", seq, lane, ${epochMs('due_at')} AS "dueAt", n, counted, reason FROM due ${of}`,
      person,
    ),
    live: await keyed<LiveRow>(
      `SELECT number_hash::text AS "numberHash", batch_id AS "batchId", seq, n, counted, lane, trunk_id AS "trunkId", node_id AS "nodeId", state,
         answered_by AS "answeredBy", successor_seq AS "successorSeq", ${epochMs('claimed_at')} AS "claimedAt", ${epochMs('send_not_after')} AS "sendNotAfter",
         accepted_ms AS "acceptedMs", ringing_ms AS "ringingMs", answered_ms AS "answeredMs", carrier_call_id AS "carrierCallId",
         carrier_state AS "carrierState", hang_up_asked AS "hangUpAsked" FROM live_call ${of}`,
      (row) => row.numberHash,
    ),
    attempts: await keyed<AttemptRow>(
      `SELECT batch_id AS "batchId", seq, n, counted, trunk_id AS "trunkId", node_id AS "nodeId", disposition, cause, answered_by AS "answeredBy",
         ${epochMs('claimed_at')} AS "claimedAt", accepted_ms AS "acceptedMs", ringing_ms AS "ringingMs", answered_ms AS "answeredMs", ended_ms AS "endedMs",
         carrier_call_id AS "carrierCallId", hang_up_asked AS "hangUpAsked" FROM attempt ${of}`,
      ({ batchId, seq, n }) => attemptKey(batchId, seq, n),
    ),
    verdicts: await keyed<VerdictRow>(
      `SELECT batch_id AS "batchId", seq, outcome, ${epochMs('at')} AS at FROM verdict ${of}`,
      person,
    ),
    suppressions: new Map(
      (await rows(`SELECT number_hash::text || ':' || number AS key FROM suppression ${of}`)).map(({ key }) => [
        key,
        true as const,
      ]),
    ),
    carrierEvents: new Map(
      (await rows(`SELECT trunk_id || ':' || event_key AS key FROM carrier_event ${of}`)).map(({ key }) => [
        key,
        true as const,
      ]),
    ),
    blocks: await readBlocks(client, id),
  }
}

async function readTrunks(client: pg.Client, id: number): Promise<Tables['trunks']> {
  const definitions = await loadTrunkDefinitions(client as unknown as Queryable, id)
  const { rows } = await client.query(
    `SELECT trunk_id, live_max AS "liveMax", live, calls_per_second AS "callsPerSecond", tokens, ${epochMs('refilled_at')} AS "refilledAt",
       failures_in_row AS "failuresInRow", ${epochMs('blocked_until')} AS "blockedUntil" FROM trunk_state WHERE organization_id = $1 ORDER BY trunk_id`,
    [id],
  )
  return new Map(
    rows.map(({ trunk_id: trunkId, ...row }) => [
      trunkId,
      { definition: definitions.find((definition) => definition.trunkId === trunkId)!, ...row },
    ]),
  )
}

async function readThrottles(client: pg.Client, id: number): Promise<Tables['throttles']> {
  const { rows } = await client.query(
    `SELECT t.throttle_id, t.rules, ARRAY(SELECT ${epochMs('x')} FROM unnest(s.starts) WITH ORDINALITY u(x, n) ORDER BY n) AS starts
     FROM throttle t JOIN throttle_state s USING (organization_id, throttle_id) WHERE t.organization_id = $1 ORDER BY t.throttle_id`,
    [id],
  )
  return new Map(rows.map(({ throttle_id: throttleId, rules, starts }) => [throttleId, { rules, starts }]))
}

async function readBatches(client: pg.Client, id: number): Promise<Tables['batches']> {
  const figures = FINAL_OUTCOMES.map(({ column }) => `'${column}', s.${column}`).join(', ')
  const { rows } = await client.query(
    `SELECT s.batch_id, b.version::int, s.status, s.paused, s.live_max AS "liveMax", s.live, s.total, s.due, s.settled, s.dialing, s.accepted, s.ringing, s.talking,
       s.attempts, s.talk_ms::float8 AS "talkMs", json_build_object(${figures}) AS figures, ${epochMs('s.start_at')} AS "startAt",
       ${epochMs('s.expires_at')} AS "expiresAt", ${epochMs('s.started_at')} AS "startedAt", ${epochMs('s.completed_at')} AS "completedAt"
     FROM batch_state s JOIN batch b USING (organization_id, batch_id) WHERE s.organization_id = $1 ORDER BY s.batch_id`,
    [id],
  )
  const definitions = await loadBatchesById(
    client as unknown as Queryable,
    id,
    rows.map((row) => row.batch_id),
  )
  return new Map(
    rows.map(({ batch_id: batchId, ...row }) => {
      const definition = definitions.find((one) => one.batchId === batchId)!
      const {
        status: _status,
        liveMax: _liveMax,
        live: _live,
        expiresAtEpochMs: _expires,
        lanes: _lanes,
        ...terms
      } = definition
      return [batchId, { terms, ...row, figures: row.figures as Figures }]
    }),
  )
}

async function readBlocks(client: pg.Client, id: number): Promise<Tables['blocks']> {
  const { rows } = await client.query(
    `SELECT block_no::int AS no, ${epochMs('at')} AS at, batch_id, seq, n, kind, code, at_ms FROM event_block WHERE organization_id = $1 ORDER BY block_no`,
    [id],
  )
  return new Map(
    rows.map((row) => [
      row.no,
      {
        at: row.at,
        entries: (row.seq as number[]).map((seq, index) => ({
          batchId: row.batch_id[index],
          seq,
          n: row.n[index],
          kind: row.kind[index],
          code: row.code[index],
          atMs: row.at_ms[index],
        })),
      },
    ]),
  )
}
