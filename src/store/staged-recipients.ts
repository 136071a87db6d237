import { finished } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'
import { STAGED_COLUMNS } from './staged-slice.ts'

/** So many at a time go to the database in one COPY. */
export const STAGED_AT_ONCE = 5_000
/** How long an upload may take; what is older was left behind by a node that died. */
const UPLOAD_HOURS_MAX = 24

/** A new upload id; it begins with the milliseconds of the instant, so that it tells its age. */
export async function takeUploadId(client: Client): Promise<string> {
  const rows = await ask<{ id: string }>(
    client,
    `SELECT ((extract(epoch FROM carillon_now()) * 1000)::bigint * 4096 + nextval('upload_id') % 4096)::text AS id`,
  )
  return rows[0]!.id
}

/** COPY: the table has no row-level security, under which COPY does not work. */
export async function copyStaged(client: Client, slice: Buffer): Promise<void> {
  const stream = client.query(copyFrom(`COPY staged_recipient (${STAGED_COLUMNS}) FROM STDIN (FORMAT binary)`))
  stream.end(slice)
  await finished(stream)
}

/** Where the recipients of a staging lane go. */
export interface StagedRange {
  readonly lane: number
  /** The seq of the recipient at position 0. */
  readonly firstSeq: number
  /** Whether rows of the same number follow one another here. */
  readonly chained: boolean
}

/**
 * Moves the staged recipients to their places and empties the stage. One scan of the stage; rows are written in the
 * order of the primary key. With `chain`, rows of one number in chained lanes that have no not-before of their own
 * point to the next by line. Returns how many there are.
 */
export async function moveStaged(
  client: Client,
  upload: { organizationId: number; uploadId: string; batchId: number; chain: boolean },
  ranges: readonly StagedRange[],
): Promise<number> {
  const apart = '(r.chained AND s.not_before IS NULL)'
  const successor = upload.chain
    ? `CASE WHEN ${apart} THEN lead(r.first_seq + s.position) OVER (PARTITION BY ${apart}, s.number ORDER BY s.line) END`
    : 'NULL::int'
  const moved = await change(
    client,
    `INSERT INTO recipient (organization_id, batch_id, seq, line, number, number_hash, variables, metadata, dialect_fields, successor_seq)
     SELECT $1::int, $3::int, r.first_seq + s.position AS seq, s.line, s.number, s.number_hash, s.variables, s.metadata, s.dialect_fields, ${successor}
     FROM staged_recipient s JOIN unnest($4::smallint[], $5::int[], $6::bool[]) r(lane, first_seq, chained) ON r.lane = s.lane
     WHERE s.organization_id = $1::int AND s.upload_id = $2::bigint ORDER BY seq`,
    [
      upload.organizationId,
      upload.uploadId,
      upload.batchId,
      ranges.map((range) => range.lane),
      ranges.map((range) => range.firstSeq),
      ranges.map((range) => range.chained),
    ],
  )
  return moved
}

/** Puts those with a not-before of their own into `due`. Lane numbers here are the batch's own. Returns how many. */
export function scheduleStaged(
  client: Client,
  upload: { organizationId: number; uploadId: string; batchId: number; reason: number },
  ranges: readonly (StagedRange & { readonly batchLane: number })[],
): Promise<number> {
  return change(
    client,
    `INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
     SELECT $1::int, $3::int, r.batch_lane, s.not_before, r.first_seq + s.position, 1, 0, $7::smallint
     FROM staged_recipient s JOIN unnest($4::smallint[], $5::int[], $6::smallint[]) r(lane, first_seq, batch_lane) ON r.lane = s.lane
     WHERE s.organization_id = $1::int AND s.upload_id = $2::bigint AND s.not_before IS NOT NULL`,
    [
      upload.organizationId,
      upload.uploadId,
      upload.batchId,
      ranges.map((range) => range.lane),
      ranges.map((range) => range.firstSeq),
      ranges.map((range) => range.batchLane),
      upload.reason,
    ],
  )
}

export function deleteStaged(client: Client, upload: { organizationId: number; uploadId: string }): Promise<number> {
  return change(client, 'DELETE FROM staged_recipient WHERE organization_id = $1 AND upload_id = $2::bigint', [
    upload.organizationId,
    upload.uploadId,
  ])
}

/** Removes what uploads of dead nodes have left behind, of all organizations. For a sweep now and then. */
export function sweepStaged(client: Client): Promise<number> {
  return change(
    client,
    `DELETE FROM staged_recipient
     WHERE upload_id < (extract(epoch FROM carillon_now() - interval '${UPLOAD_HOURS_MAX} h') * 1000)::bigint * 4096`,
  )
}
