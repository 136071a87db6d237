import fs from 'node:fs'
import path from 'node:path'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import { type ServerUnderTest, startServerUnderTest } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { type FunctionTime, readCpuProfiles } from './cpu-profile.ts'
import { runEngine } from './run.ts'
import { standardRun } from './sizes.ts'

/** The server writes every statement's duration into its log and counts what each writes to the WAL. */
const PROFILE_SETTINGS = {
  log_min_duration_statement: '0',
  log_parameter_max_length: '0',
  log_line_prefix: '%Q ',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
}

const SHOWN = 16
const FUNCTIONS_SHOWN = 40

/** Where the time of a lifecycle goes: in which statement, and with `--cpu-prof` in which function of Node. */
export async function profileEngine(options: BenchOptions): Promise<void> {
  const settings = options.profile ? { ...PROFILE_SETTINGS, ...options.postgresSettings } : options.postgresSettings
  const server = await startServerUnderTest({ parentFolder: options.folder, settings })
  try {
    const machine = describeMachine(server.folder)
    const statements = new StatementTimes()
    const profiles = path.join(server.folder, 'cpu-profiles')
    const flags = options.cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
    const run = { ...standardRun(options), nodeFlags: [...options.nodeFlags, ...flags] }
    const result = await runEngine(server, run, {
      onStart: async ({ client }) => {
        if (!options.profile) return
        await client.query('CREATE EXTENSION pg_stat_statements')
        await client.query('SELECT pg_stat_statements_reset()')
        server.listen((line) => statements.note(line))
      },
      onEnd: async ({ client }, lifecycles) => {
        if (!options.profile) return
        const { rows } = await client.query(
          'SELECT queryid::text, wal_bytes::float8, rows::float8 FROM pg_stat_statements',
        )
        statements.noteWal(rows)
        statements.print(lifecycles)
      },
    })
    const { lifecyclesPerSecond, postgresCpuUs, nodeCpuUs, walBytesPerCall, lifecyclesPerCycle } = result
    say(`${lifecyclesPerSecond} lifecycles/s, ${lifecyclesPerCycle} a cycle, WAL ${walBytesPerCall} B a call`)
    say(`CPU a lifecycle: PostgreSQL ${postgresCpuUs} µs, Node ${nodeCpuUs} µs`)
    const functions = options.cpuProf ? readCpuProfiles(profiles, result.lifecycles) : []
    printFunctions(functions)
    if (options.cpuProf) say(`Profiles: ${keepProfiles(profiles, server)}`)
    const found = { statements: statements.perCall(result.lifecycles), functions: functions.slice(0, FUNCTIONS_SHOWN) }
    conclude({ bench: 'engine-profile', machine, postgres: server.version, ...result, ...found }, options.save)
  } finally {
    await server.stop()
  }
}

interface StatementTime {
  readonly phase: string
  readonly name: string
  readonly queryId: string
  count: number
  ms: number
  walBytes: number
}

/** Adds up what the server's log says: `<query id> LOG:  duration: 1.234 ms  execute claim_cursor: WITH ...`. */
class StatementTimes {
  readonly #times = new Map<string, StatementTime>()

  note(line: string): void {
    const found = /^(-?\d+) LOG: +duration: ([\d.]+) ms +(parse|bind|execute|statement)(?: ([^\s:]+))?: ?(.*)/.exec(
      line,
    )
    if (!found) return
    const [, queryId = '', ms = '', phase = '', prepared = '', text = ''] = found
    const name = prepared === '' || prepared === '<unnamed>' ? text.slice(0, 30) : prepared
    const key = `${phase} ${name}`
    const time = this.#times.get(key) ?? { phase, name, queryId, count: 0, ms: 0, walBytes: 0 }
    time.count += 1
    time.ms += Number(ms)
    this.#times.set(key, time)
  }

  noteWal(rows: readonly { queryid: string; wal_bytes: number }[]): void {
    const walById = new Map(rows.map((row) => [row.queryid, row.wal_bytes]))
    for (const time of this.#times.values()) {
      if (time.phase === 'execute' || time.phase === 'statement') time.walBytes = walById.get(time.queryId) ?? 0
    }
  }

  perCall(lifecycles: number) {
    return [...this.#times.values()]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, SHOWN)
      .map(({ phase, name, count, ms, walBytes }) => ({
        statement: `${phase} ${name}`,
        count,
        ms: round(ms),
        usPerCall: round((ms * 1000) / lifecycles, 2),
        walBytesPerCall: round(walBytes / lifecycles),
      }))
  }

  print(lifecycles: number): void {
    const rows = this.perCall(lifecycles)
    sayTable([
      ['statement', 'count', 'ms', 'µs/call', 'WAL B/call'],
      ...rows.map((row) => [row.statement, row.count, row.ms, row.usPerCall, row.walBytesPerCall]),
    ])
  }
}

function printFunctions(functions: readonly FunctionTime[]): void {
  if (functions.length === 0) return
  sayTable([
    ['function', 'self µs/call', 'self %'],
    ...functions.slice(0, FUNCTIONS_SHOWN).map((each) => [each.where, each.usPerCall, each.percent]),
  ])
}

/** Moves the profiles out of the folder that is about to be removed. */
function keepProfiles(profiles: string, server: ServerUnderTest): string {
  const kept = `${server.folder}-cpu-profiles`
  fs.renameSync(profiles, kept)
  return kept
}
