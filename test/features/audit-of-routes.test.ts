import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openConnection } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import { type BareServer, startBareServer } from '../requests/bare-server.ts'
import { CHANGES, type ChangeWorld } from '../requests/changes.ts'
import { POSTS } from '../requests/posts.ts'
import { answerOf, requestWorld } from '../requests/request-world.ts'

const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

let database: TestDatabase
let sql: pg.Client
let api: BareServer
let world: ChangeWorld
let routes: readonly { readonly route: string; readonly dialect: string | null }[]

beforeAll(async () => {
  database = await createTestDatabase()
  sql = await openConnection(database.connectionString)
  api = await startBareServer(database.connectionString, { maxConnections: 20 })
  const common = await requestWorld(api.url, api.first, sql)
  world = {
    ...common,
    async endedCall() {
      const id = await common.answeredCall()
      await sql.query(`WITH over AS (DELETE FROM live_call RETURNING *)
        INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, claimed_at, ended_ms)
        SELECT organization_id, batch_id, seq, n, counted, trunk_id, node_id, 1, 1, 0, claimed_at, 10 FROM over`)
      return id
    },
    async putAlias(path, sender) {
      expect((await send({ method: 'PUT', path, dialect: 'native', sender })).status).toBeLessThan(300)
    },
  }
  routes = api.server.routeTable.entries
    .filter(({ method }) => !READING_METHODS.has(method))
    .map(({ method, url, dialect }) => ({ route: `${method} ${url}`, dialect }))
})

afterAll(async () => {
  await api.close()
  await sql.end()
  await database.drop()
})

interface Sent {
  readonly method: string
  readonly path: string
  readonly dialect: DialectName
  readonly sender: 'organization' | 'operator'
  readonly body?: object | undefined
}

function send({ method, path, dialect, sender, body }: Sent) {
  const keys: Record<string, string> =
    sender === 'operator'
      ? { authorization: `Bearer ${api.first.operatorKey!}` }
      : DIALECT_FACTS[dialect].keyHeaders(api.first.apiKey!.token, api.first.organizationId!)
  if (body !== undefined) keys['content-type'] = 'application/json'
  const init = { method, headers: keys }
  return answerOf(
    fetch(`${api.url}${path}`, { ...init, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
  )
}

const dialectOf = (route: string) => routes.find((each) => each.route === route)!.dialect as DialectName
const entries = async () => Number((await sql.query('SELECT count(*) AS n FROM audit_entry')).rows[0].n)

test('every route that changes something is asked here', () => {
  const rows = new Set([...POSTS, ...CHANGES].map(({ route }) => route))
  const ours = routes.filter(({ dialect }) => dialect !== null).map(({ route }) => route)
  expect(ours.filter((route) => !rows.has(route))).toEqual([])
  expect([...rows].filter((route) => !ours.includes(route))).toEqual([])
})

describe('leaves an entry in the audit log', () => {
  test.each(CHANGES)('$route', async ({ route, make, ...row }) => {
    const sender = row.sender ?? 'organization'
    const { path, body } = await make(world)
    const before = await entries()
    const method = route.slice(0, route.indexOf(' '))
    const answer = await send({ method, path, dialect: dialectOf(route), sender, body })
    expect(answer.status, answer.text).toBeLessThan(300)
    expect(await entries()).toBeGreaterThan(before)
  })

  test.each(POSTS.filter(({ reads }) => reads !== true))('$route $as', async ({ route, sender, make }) => {
    const post = await make(world)
    const before = await entries()
    const answer = await world.send({ dialect: dialectOf(route), sender: sender ?? 'organization', post })
    expect(answer.status, answer.text).toBeLessThan(300)
    expect(await entries()).toBeGreaterThan(before)
  })
})
