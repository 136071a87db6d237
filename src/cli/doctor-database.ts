import fs from 'node:fs'
import path from 'node:path'
import { systemClock } from '../clock.ts'
import { maskText } from '../logger.ts'
import { type DatabaseReport, readDatabaseReport } from '../store/database-settings.ts'
import { dataFolderOf } from './connection.ts'
import type { Environment, Finding } from './doctor-finding.ts'

const VERSION_MIN = 140_000
const CLOCK_WARNING_MS = 500
const CLOCK_BAD_MS = 2000

/** The database that the server uses, or would use: whether it can be reached and keeps what it acknowledges. */
export async function checkDatabase(environment: Environment): Promise<Finding[]> {
  const external = environment.DATABASE_URL?.trim()
  const connectionString = external ? external : embeddedDatabase(dataFolderOf(environment))
  if (connectionString === undefined) {
    const text = 'The embedded PostgreSQL does not run; it runs while the server does.'
    return [{ level: 'note', check: 'database', text }]
  }
  try {
    return databaseFindings(await readDatabaseReport(connectionString, systemClock))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (external === undefined && (code === 'ENOENT' || code === 'ECONNREFUSED')) {
      return [{ level: 'note', check: 'database', text: 'The embedded PostgreSQL does not run.' }]
    }
    const text = `The database cannot be asked: ${maskText(message || String(code))}`
    const remedy = external
      ? 'Compare DATABASE_URL with where PostgreSQL listens.'
      : 'Run this as the user that started the server.'
    return [{ level: 'bad', check: 'database', text, remedy }]
  }
}

/** Where the embedded PostgreSQL of a data folder listens; undefined when it never ran. */
function embeddedDatabase(dataFolder: string): string | undefined {
  const root = path.resolve(dataFolder, 'postgres')
  const recorded = path.join(root, 'socket-folder')
  const inFolder = path.join(root, 'socket')
  const socketFolder = fs.existsSync(inFolder) ? inFolder : recordedFolder(recorded)
  if (socketFolder === undefined) return undefined
  return `postgres://carillon@/carillon?host=${encodeURIComponent(socketFolder)}&port=5432`
}

function recordedFolder(record: string): string | undefined {
  try {
    return fs.readFileSync(record, 'utf8').trim()
  } catch {
    return undefined
  }
}

export function databaseFindings(report: DatabaseReport): Finding[] {
  const findings: Finding[] = []
  const add = (level: Finding['level'], text: string, remedy?: string): void => {
    findings.push({ level, check: 'database', text, ...(remedy === undefined ? {} : { remedy }) })
  }
  if (report.versionNumber < VERSION_MIN) add('bad', `PostgreSQL ${report.version}`, 'Use PostgreSQL 14 or later.')
  else add('ok', `PostgreSQL ${report.version}`)
  if (report.isReadOnly) add('bad', 'The database takes no writes.', 'Point DATABASE_URL at the primary.')
  for (const { name, value } of durabilitySettings(report)) {
    if (value === 'off') add('bad', `${name} is off: a power cut can lose calls that were made.`, `Set ${name} = on.`)
    else if (value === 'local')
      add('warning', `${name} is local: a fail-over can lose calls that were made.`, `Set ${name} = on.`)
    else add('ok', `${name} is ${value}`)
  }
  const { clock } = report
  if (clock === null) add('note', 'Carillon has not used this database yet.')
  else {
    const off = Math.abs(clock.aheadMs)
    const side = clock.aheadMs >= 0 ? 'ahead of' : 'behind'
    const text = `The clock here is ${off.toFixed(0)} ms ${side} the database's (within ${clock.uncertaintyMs.toFixed(0)} ms).`
    const level =
      off - clock.uncertaintyMs > CLOCK_BAD_MS ? 'bad' : off - clock.uncertaintyMs > CLOCK_WARNING_MS ? 'warning' : 'ok'
    add(level, text, level === 'ok' ? undefined : 'Let NTP set the clocks of both machines.')
  }
  return findings
}

function durabilitySettings(report: DatabaseReport): { name: string; value: string }[] {
  return [
    { name: 'fsync', value: report.fsync },
    { name: 'full_page_writes', value: report.fullPageWrites },
    { name: 'synchronous_commit', value: report.synchronousCommit },
  ]
}
