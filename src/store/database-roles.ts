import pg from 'pg'
import { schemaName } from './database.ts'

/** The roles that transactions run as. They belong to the server, not to one database. */
const roleNames = ['carillon_api', 'carillon_dispatcher'] as const

const attempts = 10
// Another node made the role between our look and our statement, or changed the same catalog row at the same moment.
const raceCodes = new Set(['42710', '23505', 'XX000', '40001', '40P01'])

/** What an administrator must run before Carillon can start; the message holds the exact SQL. */
export class MissingDatabaseRightsError extends Error {
  override readonly name = 'MissingDatabaseRightsError'
  readonly sql: readonly string[]

  constructor(reason: string, sql: readonly string[]) {
    super(`${reason} Run this as an administrator of the database, then start Carillon again:\n${sql.join('\n')}`)
    this.sql = sql
  }
}

/**
 * Makes sure that the roles exist, that row-level security binds them, that the connected user may take them on, and
 * that our schema exists. Roles have LOGIN but no password, because on Citus a role without LOGIN cannot reach the workers.
 *
 * Advisory locks hold within one database only, roles belong to the whole server: two databases may be set up at once.
 * So a lost race is not an error; the state is read again.
 *
 * @throws MissingDatabaseRightsError with all missing statements when the user may not run one of them.
 */
export async function ensureRolesAndSchema(client: pg.ClientBase): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const statements = await missingStatements(client)
    if (statements.length === 0) return
    try {
      for (const statement of statements) await client.query(statement)
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      if (code === '42501') throw new MissingDatabaseRightsError('Carillon lacks rights in the database.', statements)
      if (code === undefined || !raceCodes.has(code) || attempt === attempts) throw error
    }
  }
}

interface RoleRow {
  name: string
  exists: boolean
  unbound: boolean
  usable: boolean
}

async function missingStatements(client: pg.ClientBase): Promise<string[]> {
  const server = await client.query<{ version: number; user: string; superuser: boolean; schema: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, current_user::text AS user,
       current_setting('is_superuser')::bool AS superuser,
       EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS schema`,
    [schemaName],
  )
  const { version, superuser, schema } = server.rows[0]!
  const user = pg.escapeIdentifier(server.rows[0]!.user)
  // Since 16 membership does not imply the right to SET ROLE, which has a word of its own.
  const right = version >= 160_000 ? 'SET' : 'MEMBER'
  const roles = await client.query<RoleRow>(
    `SELECT wanted.name, r.oid IS NOT NULL AS exists, coalesce(r.rolsuper OR r.rolbypassrls, false) AS unbound,
       coalesce(pg_catalog.pg_has_role(r.oid, '${right}'), false) AS usable
     FROM unnest($1::text[]) AS wanted(name) LEFT JOIN pg_catalog.pg_roles r ON r.rolname = wanted.name
     ORDER BY wanted.name`,
    [roleNames],
  )
  const statements = roles.rows.flatMap((role) => [
    ...(role.exists ? [] : [`CREATE ROLE ${role.name} LOGIN NOSUPERUSER NOBYPASSRLS;`]),
    ...(role.unbound ? [`ALTER ROLE ${role.name} NOSUPERUSER NOBYPASSRLS;`] : []),
    ...(role.usable || superuser ? [] : [`GRANT ${role.name} TO ${user};`]),
  ])
  return schema ? statements : [...statements, `CREATE SCHEMA ${schemaName} AUTHORIZATION ${user};`]
}
