import { afterAll, beforeAll, expect } from 'vitest'
import { testInputRules } from '../input-rules/input-rule.ts'
import { startBatch, type TrilletWorld, trilletRules } from '../input-rules/trillet.ts'
import { startTrilletServer } from '../trillet-server.ts'

let world: TrilletWorld

beforeAll(async () => {
  const server = await startTrilletServer()
  world = { server, batchId: await startBatch(server) }
})
afterAll(() => world.server.close())

testInputRules<TrilletWorld>({
  operations: trilletRules,
  world: () => world,
  ask: ({ server }, method, address, body) => server.ask(method, address, body),
  document: async ({ server }) => (await server.ask('GET', '/openapi/trillet.json')).body,
  stored: async ({ server }) => (await server.pool.query('SELECT count(*)::int AS n FROM batch')).rows[0].n,
  expectForm({ body, headers }) {
    expect(typeof body.error).toBe('string')
    expect(Object.keys(body).filter((key) => !['error', 'message', 'id', 'details'].includes(key))).toEqual([])
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  },
})
