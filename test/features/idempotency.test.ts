import { expect, test } from 'vitest'
import { abandonIdempotent, beginIdempotent, finishIdempotent } from '../../src/commands/idempotency.ts'
import { commandWorld } from '../command-world.ts'
import { FakeClock } from '../fake-clock.ts'

const request = (key: string, content = 1) => ({ key, requestHash: Buffer.alloc(32, content) })
const answer = { httpStatus: 201, contentType: 'application/json; charset=utf-8', body: Buffer.from('{"id":"ä"}') }

test('the first does the work, a repeated one gets the same bytes', async () => {
  const { context, actor } = await commandWorld()
  const first = request('k1')
  expect(await beginIdempotent(context, actor, first)).toEqual({ kind: 'work' })
  await expect(beginIdempotent(context, actor, request('k1'))).rejects.toMatchObject({ code: 'request-in-progress' })
  await expect(beginIdempotent(context, actor, request('k1', 2))).rejects.toMatchObject({
    code: 'idempotency-key-reused',
  })
  await finishIdempotent(context, actor, first, answer)
  expect(await beginIdempotent(context, actor, request('k1'))).toEqual({ kind: 'replay', answer })
  await expect(beginIdempotent(context, actor, request('k1', 2))).rejects.toMatchObject({ httpStatus: 422 })
  // Nobody else's key, and not the operator's either.
  expect(await beginIdempotent(context, { ...actor, organizationId: 0 }, request('k1', 2))).toEqual({ kind: 'work' })
})

test('an answer is stored sealed, for its own key alone: it may hold a secret that is shown once', async () => {
  const { context, actor, sql } = await commandWorld()
  for (const key of ['k1', 'k2']) {
    await beginIdempotent(context, actor, request(key))
    await finishIdempotent(context, actor, request(key), { ...answer, body: Buffer.from('{"secret":"of-one-key"}') })
  }
  for (const { body } of await sql('SELECT body FROM idempotent_answer')) {
    expect((body as Buffer).includes('of-one-key')).toBe(false)
  }
  const other = `(SELECT body FROM idempotent_answer WHERE idempotency_key = 'k2')`
  await sql(`UPDATE idempotent_answer SET body = ${other} WHERE idempotency_key = 'k1'`)
  await expect(beginIdempotent(context, actor, request('k1'))).rejects.toThrow('belongs to another row')
})

test('of many at the same instant one does the work', async () => {
  const { context, actor } = await commandWorld()
  const begun = await Promise.allSettled(Array.from({ length: 8 }, () => beginIdempotent(context, actor, request('k'))))
  expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('after a refusal the key is free, also for another request', async () => {
  const { context, actor } = await commandWorld()
  const refused = request('k1')
  await beginIdempotent(context, actor, refused)
  await abandonIdempotent(context, actor, refused)
  expect(await beginIdempotent(context, actor, request('k1', 2))).toEqual({ kind: 'work' })
})

test('the key of a request that died is taken over by its repetition alone, and late answers change nothing', async () => {
  const { context, actor, sql } = await commandWorld()
  const dead = request('k1')
  await beginIdempotent(context, actor, dead)
  await sql(`UPDATE idempotent_answer SET lease_until = carillon_now() - interval '1 ms'`)
  await expect(beginIdempotent(context, actor, request('k1', 2))).rejects.toMatchObject({
    code: 'idempotency-key-reused',
  })
  const second = request('k1')
  expect(await beginIdempotent(context, actor, second)).toEqual({ kind: 'work' })
  await finishIdempotent(context, actor, second, answer)
  await finishIdempotent(context, actor, dead, { ...answer, httpStatus: 200 })
  await abandonIdempotent(context, actor, dead)
  expect(await beginIdempotent(context, actor, request('k1'))).toEqual({ kind: 'replay', answer })
})

test('the lease of a request that is at work is renewed, and no longer once it has answered', async () => {
  const clock = new FakeClock(Date.now())
  const { context, actor, sql } = await commandWorld({ clock })
  const long = request('k1')
  await beginIdempotent(context, actor, long)
  await sql(`UPDATE idempotent_answer SET lease_until = '2020-01-01'`)
  clock.advance(20_000)
  await expect
    .poll(async () => (await sql('SELECT lease_until > carillon_now() AS held FROM idempotent_answer'))[0])
    .toEqual({ held: true })
  await expect.poll(() => clock.pendingTimers).toBe(1)
  await finishIdempotent(context, actor, long, answer)
  expect(clock.pendingTimers).toBe(0)
})

test('answers are kept for 48 hours', async () => {
  const clock = new FakeClock(Date.now())
  const { context, actor, sql } = await commandWorld({ clock })
  const done = request('k1')
  await beginIdempotent(context, actor, done)
  await finishIdempotent(context, actor, done, answer)
  await sql(`UPDATE idempotent_answer SET created_at = carillon_now() - interval '47 h 59 min'`)
  expect(await beginIdempotent(context, actor, request('k1'))).toMatchObject({ kind: 'replay' })
  await sql(`UPDATE idempotent_answer SET created_at = carillon_now() - interval '48 h'`)
  const anew = request('k1', 2)
  expect(await beginIdempotent(context, actor, anew)).toEqual({ kind: 'work' })
  // Its lease is renewed no more: a row that is being renewed would be left for the next sweep.
  await finishIdempotent(context, actor, anew, answer)

  await sql(`UPDATE idempotent_answer SET created_at = carillon_now() - interval '48 h'`)
  await beginIdempotent(context, actor, request('other'))
  expect(await sql('SELECT count(*)::int AS n FROM idempotent_answer')).toEqual([{ n: 2 }])
  clock.advance(3_600_000)
  await beginIdempotent(context, actor, request('third'))
  expect(await sql('SELECT idempotency_key AS k FROM idempotent_answer ORDER BY 1')).toEqual([
    { k: 'other' },
    { k: 'third' },
  ])
})
