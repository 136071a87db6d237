import os from 'node:os'

/** Settings of the server by PostgreSQL's own names; they win over the defaults below. */
export type PostgresSettings = Readonly<Record<string, string | number | boolean>>

const mebibyte = 1024 * 1024

/**
 * The settings the embedded server starts with. Every acknowledged commit is on disk (fsync, synchronous_commit,
 * full_page_writes). The log carries no data of people: no statements, no details of errors, and errors of a statement
 * go to the client only.
 */
export function defaultSettings(): PostgresSettings {
  return {
    fsync: true,
    synchronous_commit: true,
    full_page_writes: true,
    max_connections: 100,
    shared_buffers: `${sharedBuffersMegabytes(memoryBytes())}MB`,
    wal_buffers: '32MB',
    // The log is written while a group's statements still run, so that its commit waits for the rest of it only. One
    // profile each on a busy machine: 5.1 µs of COMMIT a call at 200 ms, 3.0 at 10 ms, 1.3 at 2 ms.
    wal_writer_delay: '5ms',
    max_wal_size: '1GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    wal_compression: false,
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_logical_replication_workers: 0,
    jit: false,
    // Parallel workers gain nothing on small set-based statements, and need shared memory that containers keep small.
    max_parallel_workers_per_gather: 0,
    max_parallel_maintenance_workers: 0,
    random_page_cost: 1.1,
    autovacuum_naptime: '1s',
    autovacuum_vacuum_cost_delay: '2ms',
    bgwriter_lru_maxpages: 400,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: false,
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_line_prefix: '',
  }
}

/** A quarter of the memory, at least 32 MB and at most 1 GB. */
export function sharedBuffersMegabytes(memory: number): number {
  return Math.max(32, Math.min(1024, Math.floor(memory / 4 / mebibyte)))
}

// A container's limit counts, not the machine's memory. Without a limit Node reports a number beyond any memory.
function memoryBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem()
}

/**
 * Text of the configuration file. The cluster's own postgresql.conf comes first, so that everything here wins over it;
 * what an administrator sets by ALTER SYSTEM wins over everything.
 *
 * @throws RangeError for a name or a value that cannot stand in the file.
 */
export function renderSettings(clusterFolder: string, settings: PostgresSettings): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z_]+(\.[a-z_]+)?$/i.test(name)) throw new RangeError(`"${name}" is not the name of a PostgreSQL setting.`)
    const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
    return `${name} = ${quote(text)}`
  })
  return [
    '# Written by Carillon at every start; changes made here are lost.',
    `include_if_exists = ${quote(`${clusterFolder}/postgresql.conf`)}`,
    ...lines,
    '',
  ].join('\n')
}

function quote(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new RangeError('A PostgreSQL setting cannot hold a line break.')
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
