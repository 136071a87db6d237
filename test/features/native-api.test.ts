import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BASE, type NativeServer, startNativeServer } from '../native-server.ts'

let api: NativeServer

beforeAll(async () => {
  api = await startNativeServer()
})
afterAll(() => api.close())

const people = (count: number) => Array.from({ length: count }, (_, at) => ({ to: `+1415555${String(1000 + at)}` }))

function makeBatch(over: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  return api.ask('POST', `${BASE}/batches`, {
    body: { agent: api.first.agentId, recipients: people(3), draft: true, ...over },
    headers,
  })
}

function form(parts: readonly (readonly [string, string, string?])[], boundary = 'the-boundary') {
  const lines = parts.flatMap(([name, value, fileName]) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"\r\nContent-Type: text/csv`
    return [`--${boundary}`, `Content-Disposition: form-data; name="${name}"${file}`, '', value]
  })
  return {
    payload: [...lines, `--${boundary}--`, ''].join('\r\n'),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  }
}

describe('keys', () => {
  test('a token and a pair of headers open the same door', async () => {
    const { id, secret } = api.first.apiKey!
    const byToken = await api.ask('GET', `${BASE}/me`)
    const byPair = await api.ask('GET', `${BASE}/me`, {
      token: null,
      headers: { 'x-api-key': id, 'x-api-secret': secret },
    })
    expect(byToken.status).toBe(200)
    expect(byToken.body).toMatchObject({ operator: false, key: { id }, organization: { id: api.first.organizationId } })
    // When a key was used is noted a moment later, perhaps between the two.
    const key = { ...byToken.body.key, lastUsedAt: expect.toSatisfy(() => true) }
    expect(byPair.body).toEqual({ ...byToken.body, key })
  })

  test.each([
    ['none', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a wrong token', { authorization: 'Bearer crl_abcdefghijkl_wrong' }],
    ['an id without its secret', { 'x-api-key': 'crl_abcdefghijkl' }],
  ])('with %s the answer is 401 and says nothing', async (_what, headers) => {
    const answer = await api.ask('GET', `${BASE}/batches`, { token: null, headers: headers as Record<string, string> })
    expect(answer.status).toBe(401)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect(answer.body).toMatchObject({ code: 'unauthenticated', message: 'No valid API key was given.' })
  })

  test('a key in the query opens nothing and is not logged', async () => {
    const answer = await api.ask('GET', `${BASE}/batches?token=${api.token}`, { token: null })
    expect(answer.status).toBe(401)
    expect(api.logged.join('')).not.toContain(api.token.slice(-20))
  })

  test('a new key works, is listed without its secret, and opens nothing after it was revoked', async () => {
    const made = await api.ask('POST', `${BASE}/keys`, { body: { name: 'of a test' } })
    expect(made.status).toBe(201)
    expect((await api.ask('GET', `${BASE}/me`, { token: made.body.token })).status).toBe(200)
    const list = await api.ask('GET', `${BASE}/keys`)
    expect(list.text).toContain(made.body.key.id)
    expect(list.text).not.toContain(made.body.secret)
    const revoked = await api.ask('DELETE', `${BASE}/keys/${made.body.key.id}`)
    expect(revoked.body).toMatchObject({ id: made.body.key.id, revokedAt: expect.any(String) })
    expect((await api.ask('GET', `${BASE}/me`, { token: made.body.token })).status).toBe(401)
  })
})

describe('the operator', () => {
  test('makes an organization, its first key and its limits, and works in its name', async () => {
    const token = api.operatorToken
    const made = await api.ask('POST', `${BASE}/organizations`, {
      token,
      body: { name: 'Second', concurrency: 7 },
      headers: { 'idempotency-key': 'second' },
    })
    expect(made.status).toBe(201)
    const again = await api.ask('POST', `${BASE}/organizations`, {
      token,
      body: { name: 'Second', concurrency: 7 },
      headers: { 'idempotency-key': 'second' },
    })
    expect(again.body).toEqual(made.body)
    expect(again.headers['idempotent-replayed']).toBe('true')

    const { id } = made.body
    const changed = await api.ask('PATCH', `${BASE}/organizations/${id}`, { token, body: { concurrency: 9 } })
    expect(changed.body).toMatchObject({ id, concurrency: 9 })
    const key = await api.ask('POST', `${BASE}/organizations/${id}/keys`, { token, body: { name: 'first' } })
    const me = await api.ask('GET', `${BASE}/me`, { token: key.body.token })
    expect(me.body.organization).toMatchObject({ id, name: 'Second' })
    const inItsName = await api.ask('GET', `${BASE}/batches`, { token, headers: { 'carillon-organization': id } })
    expect(inItsName.body).toEqual({ items: [], nextCursor: null })
  })

  test('may not call people with the bare key, and others may not do what it does', async () => {
    const bare = await api.ask('GET', `${BASE}/batches`, { token: api.operatorToken })
    expect(bare.status).toBe(403)
    expect(bare.body.remedy).toContain('Carillon-Organization')
    expect((await api.ask('GET', `${BASE}/organizations`)).status).toBe(403)
  })
})

describe('what each organization has', () => {
  test('an agent is made, read, changed, given another id, listed and archived', async () => {
    const body = { name: 'Reminder', kind: 'announcement', settings: { text: 'Hello {{name}}' } }
    const made = await api.ask('POST', `${BASE}/agents`, { body })
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`${BASE}/agents/${made.body.id}`)
    const changed = await api.ask('PATCH', `${BASE}/agents/${made.body.id}`, { body: { name: 'Reminder 2' } })
    expect(changed.body.name).toBe('Reminder 2')
    expect((await api.ask('PUT', `${BASE}/agents/${made.body.id}/aliases/their-agent`)).status).toBe(204)
    const read = await api.ask('GET', `${BASE}/agents/their-agent`)
    expect(read.body).toMatchObject({ id: made.body.id, aliases: ['their-agent'] })
    expect((await api.ask('GET', `${BASE}/agents`)).body.items.length).toBeGreaterThanOrEqual(2)
    expect((await api.ask('DELETE', `${BASE}/agents/${made.body.id}`)).body.archivedAt).toEqual(expect.any(String))
  })

  test('a trunk and a number on it', async () => {
    const trunk = await api.ask('POST', `${BASE}/trunks`, {
      body: { name: 'Second', carrier: 'loopback', settings: { speed: 10 }, concurrency: 5, callsPerSecond: 0.5 },
    })
    expect(trunk.status).toBe(201)
    const changed = await api.ask('PATCH', `${BASE}/trunks/${trunk.body.id}`, { body: { concurrency: 6 } })
    expect(changed.body).toMatchObject({ concurrency: 6, live: 0, callsPerSecond: 0.5 })
    const number = await api.ask('POST', `${BASE}/numbers`, {
      body: { number: '+14155550199', trunkId: trunk.body.id },
    })
    expect(number.body).toMatchObject({ number: '+14155550199', trunkId: trunk.body.id })
    expect((await api.ask('GET', `${BASE}/numbers/+14155550199`)).body.id).toBe(number.body.id)
    expect((await api.ask('DELETE', `${BASE}/numbers/${number.body.id}`)).status).toBe(204)
    expect((await api.ask('GET', `${BASE}/numbers/${number.body.id}`)).body.code).toBe('number-not-found')
  })

  test('settings that do not fit are refused with the field', async () => {
    const trunk = await api.ask('POST', `${BASE}/trunks`, {
      body: { name: 'x', carrier: 'loopback', settings: { speed: 'fast' }, concurrency: 5, callsPerSecond: 1 },
    })
    expect(trunk.status).toBe(400)
    expect(trunk.body.field).toBe('settings.speed')
  })
})

describe('a batch', () => {
  test('is made from a list, read with figures, limits and why it waits, listed, changed and cancelled', async () => {
    const made = await makeBatch({ name: 'Reminders', metadata: { ours: 1 }, concurrency: 2 })
    expect(made.status).toBe(201)
    const { id } = made.body.batch
    expect(made.headers.location).toBe(`${BASE}/batches/${id}`)
    expect(made.body.batch).toMatchObject({
      name: 'Reminders',
      dialect: 'native',
      status: 'draft',
      concurrency: 2,
      metadata: { ours: 1 },
      figures: { total: 3, waiting: 3, settled: 0 },
    })
    const read = await api.ask('GET', `${BASE}/batches/${id}`)
    expect(read.body).toMatchObject({
      id,
      waiting: { reason: 'not-started-yet' },
      limits: { batch: { concurrency: 2 } },
    })
    const list = await api.ask('GET', `${BASE}/batches?status=draft,scheduled&limit=100`)
    expect(list.body.items.map((item: { id: string }) => item.id)).toContain(id)
    const changed = await api.ask('PATCH', `${BASE}/batches/${id}`, { body: { name: 'Later', concurrency: 1 } })
    expect(changed.body).toMatchObject({ name: 'Later', concurrency: 1 })
    const cancelled = await api.ask('POST', `${BASE}/batches/${id}/cancel`)
    expect(cancelled.body).toMatchObject({ status: 'cancelled', figures: { outcomes: { cancelled: 3 } } })
    expect((await api.ask('POST', `${BASE}/batches/${id}/cancel`)).status).toBe(200)
    const refused = await api.ask('POST', `${BASE}/batches/${id}/start`, { body: {} })
    expect(refused).toMatchObject({ status: 409, body: { code: 'batch-status-conflict' } })
  })

  test('starts, pauses and goes on', async () => {
    const { id } = (await makeBatch()).body.batch
    expect((await api.ask('POST', `${BASE}/batches/${id}/start`)).body.status).toBe('running')
    expect((await api.ask('POST', `${BASE}/batches/${id}/pause`)).body.status).toBe('paused')
    expect((await api.ask('POST', `${BASE}/batches/${id}/resume`)).body.status).toBe('running')
  })

  test('is made from a file whose fields stand before and after it', async () => {
    const { payload, headers } = form([
      ['agent', api.first.agentId!],
      ['callingWindow', '{"zone":"Europe/Berlin","ranges":[{"weekdays":[1,2,3],"from":"09:00","to":"17:00"}]}'],
      ['file', 'phone_number,first_name\n+14155551000,Ada\nnonsense,Bob\n+14155551001,Cy\n', 'people.csv'],
      ['draft', 'true'],
      ['concurrency', '2'],
    ])
    const made = await api.ask('POST', `${BASE}/batches`, { payload, headers })
    expect(made.body).toMatchObject({
      batch: {
        status: 'draft',
        concurrency: 2,
        columns: ['phone_number', 'first_name'],
        rejectedRows: 1,
        callingWindow: { zone: 'Europe/Berlin' },
        figures: { total: 2 },
      },
      rejectedRows: [{ line: 3, column: 'phone_number', remedy: expect.any(String) }],
    })
  })

  test.each([
    ['no file', [['agent', 'a']], 'file', 400],
    [
      'a field that is none',
      [
        ['agent', 'a'],
        ['agnet', 'b'],
        ['file', 'phone\n+1', 'a.csv'],
      ],
      'agnet',
      400,
    ],
    [
      'a field twice',
      [
        ['agent', 'a'],
        ['agent', 'b'],
      ],
      'agent',
      400,
    ],
    [
      'two files',
      [
        ['file', 'a', 'a.csv'],
        ['file', 'b', 'b.csv'],
      ],
      'file',
      400,
    ],
    [
      'a number that is none',
      [
        ['agent', 'a'],
        ['concurrency', 'many'],
        ['file', 'a', 'a.csv'],
      ],
      'concurrency',
      400,
    ],
    [
      'a window that is no JSON',
      [
        ['agent', 'a'],
        ['callingWindow', '{'],
        ['file', 'a', 'a.csv'],
      ],
      'callingWindow',
      400,
    ],
    [
      'a prototype',
      [
        ['agent', 'a'],
        ['metadata', '{"__proto__":1}'],
        ['file', 'a', 'a.csv'],
      ],
      'metadata.__proto__',
      400,
    ],
  ])('a form with %s is refused', async (_what, parts, field, status) => {
    const answer = await api.ask('POST', `${BASE}/batches`, form(parts as [string, string, string?][]))
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ field, remedy: expect.any(String) })
  })

  test('of a wrong list nothing is stored and each wrong recipient is named', async () => {
    const before = await api.ask('GET', `${BASE}/batches?limit=100`)
    const recipients = [{ to: '+14155551000' }, { to: 5 }, { too: '+14155551000' }, { to: '+1415555', variables: [] }]
    const answer = await makeBatch({ recipients })
    expect(answer.status).toBe(400)
    expect(answer.body.field).toBe('recipients[1].to')
    expect(answer.body.details.map((detail: { field: string }) => detail.field)).toEqual([
      'recipients[1].to',
      'recipients[2].to',
      'recipients[2].too',
      'recipients[3].variables',
    ])
    expect((await api.ask('GET', `${BASE}/batches?limit=100`)).body).toEqual(before.body)
  })

  test('a malformed number is named with its place', async () => {
    const answer = await makeBatch({ recipients: [{ to: '+14155551000' }, { to: '415 555' }] })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body)).toContain('recipients[1].to')
  })

  test('a list without end is refused before anyone looks at it', async () => {
    const answer = await makeBatch({ recipients: new Array(300_000).fill(1) })
    expect(answer.body).toMatchObject({ status: 400, field: 'recipients' })
    expect(answer.body.message).toContain('at most 200000 entries')
  })
})

describe('what became of a batch', () => {
  test('recipients come in pages, can be filtered, and each tells its story', async () => {
    const { id } = (await makeBatch({ recipients: people(25) })).body.batch
    const first = await api.ask('GET', `${BASE}/batches/${id}/recipients?limit=20`)
    expect(first.body.items).toHaveLength(20)
    const second = await api.ask('GET', `${BASE}/batches/${id}/recipients?limit=20&cursor=${first.body.nextCursor}`)
    expect(second.body).toMatchObject({ nextCursor: null })
    const numbers = [...first.body.items, ...second.body.items].map((recipient) => recipient.number)
    expect(new Set(numbers)).toEqual(new Set(people(25).map(({ to }) => to)))

    const waiting = await api.ask('GET', `${BASE}/batches/${id}/recipients?status=waiting,busy&limit=1000`)
    expect(waiting.body.items).toHaveLength(25)
    expect((await api.ask('GET', `${BASE}/batches/${id}/recipients?status=busy`)).body.items).toEqual([])

    const [person] = first.body.items
    const story = await api.ask('GET', `${BASE}/batches/${id}/recipients/${person.id}`)
    expect(story.body).toMatchObject({
      recipient: { id: person.id, state: 'waiting' },
      attempts: [],
      waiting: { reason: 'not-started-yet', text: expect.any(String) },
    })
    const other = (await makeBatch()).body.batch
    const elsewhere = await api.ask('GET', `${BASE}/batches/${other.id}/recipients/${person.id}`)
    expect(elsewhere).toMatchObject({ status: 404, body: { code: 'recipient-not-found' } })
    const tampered = await api.ask('GET', `${BASE}/batches/${other.id}/recipients?cursor=${first.body.nextCursor}`)
    expect(tampered).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } })
  })

  test('the results and the bad rows are downloads', async () => {
    const file = 'phone_number,name\n+14155551000,=1+1\nnonsense,Bob\n'
    const upload = form([
      ['agent', api.first.agentId!],
      ['draft', 'true'],
      ['file', file, 'people.csv'],
    ])
    const { id } = (await api.ask('POST', `${BASE}/batches`, upload)).body.batch
    const csv = await api.ask('GET', `${BASE}/batches/${id}/results.csv`)
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(csv.headers['content-disposition']).toBe('attachment; filename="results.csv"')
    expect(csv.text.split('\n')[0]).toContain('phone_number,name')
    expect(csv.text).toContain("'=1+1")
    const lines = await api.ask('GET', `${BASE}/batches/${id}/results.jsonl`)
    expect(JSON.parse(lines.text.trim())).toMatchObject({ state: 'waiting' })
    const rejected = await api.ask('GET', `${BASE}/batches/${id}/rejected-rows.csv`)
    expect(rejected.text).toContain('nonsense')
    for (const name of ['results.csv', 'rejected-rows.jsonl']) {
      const none = await api.ask('GET', `${BASE}/batches/3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f/${name}`)
      expect(none).toMatchObject({ status: 404, body: { code: 'batch-not-found' } })
    }
  })

  test('people can be called once more', async () => {
    const { id } = (await makeBatch()).body.batch
    await api.ask('POST', `${BASE}/batches/${id}/cancel`)
    const wrong = await api.ask('POST', `${BASE}/batches/${id}/retry`, { body: { outcomes: ['asleep'] } })
    expect(wrong).toMatchObject({ status: 400, body: { field: 'outcomes[0]' } })
    const retried = await api.ask('POST', `${BASE}/batches/${id}/retry`, { body: { outcomes: ['busy'] } })
    expect(retried.body).toMatchObject({ batch: { id }, reopened: 0 })
  })

  test('everything that happened is in the log, and the log goes on where it was left', async () => {
    const begin = await api.ask('GET', `${BASE}/events?limit=1000`)
    const { id } = (await makeBatch()).body.batch
    const more = await api.ask('GET', `${BASE}/events?after=${begin.body.nextCursor}`)
    expect(more.body.items).toMatchObject([{ kind: 'batch-created', batchId: id, recipientId: null }])
    expect(more.body.hasMore).toBe(false)
    const nothing = await api.ask('GET', `${BASE}/events?after=${more.body.nextCursor}`)
    expect(nothing.body.items).toEqual([])
  })
})

describe('numbers that are never called', () => {
  test('are added, imported, listed and removed', async () => {
    const numbers = ['+14155552001', '+14155552002', 'nonsense']
    const added = await api.ask('POST', `${BASE}/suppressions`, { body: { numbers, reason: 'asked us' } })
    expect(added).toMatchObject({ status: 200, body: { added: 2, rejected: [{ line: 3, value: 'nonsense' }] } })
    const upload = form([
      ['reason', 'from a file'],
      ['file', 'phone\n+14155552002\n+14155552003\n', 'list.csv'],
    ])
    const imported = await api.ask('POST', `${BASE}/suppressions/import`, upload)
    expect(imported.body).toMatchObject({ added: 1, alreadyThere: 1 })
    const list = await api.ask('GET', `${BASE}/suppressions`)
    expect(list.body.items).toHaveLength(3)
    expect(list.text).toContain('asked us')
    const one = await api.ask('DELETE', `${BASE}/suppressions/+14155552001`)
    expect(one.body).toEqual({ removed: 1 })
    const rest = await api.ask('POST', `${BASE}/suppressions/remove`, {
      body: { numbers: ['+14155552001', '+14155552002', '+14155552003'] },
    })
    expect(rest.body).toEqual({ removed: 2 })
  })

  test('an import without a file says what to send', async () => {
    const answer = await api.ask('POST', `${BASE}/suppressions/import`, form([['reason', 'x']]))
    expect(answer).toMatchObject({ status: 400, body: { field: 'file', remedy: expect.stringContaining('CSV') } })
  })
})

describe('a repeated POST', () => {
  test('happens once, also when fifty come at the same time', async () => {
    const before = (await api.ask('GET', `${BASE}/batches?limit=100`)).body.items.length
    const body = { name: 'Once' }
    const answers = await Promise.all(Array.from({ length: 50 }, () => makeBatch(body, { 'idempotency-key': 'fifty' })))
    const made = answers.filter(({ status }) => status === 201)
    expect(made.length).toBeGreaterThan(0)
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true)
    expect(new Set(made.map((answer) => answer.body.batch.id)).size).toBe(1)
    for (const answer of answers.filter(({ status }) => status === 409)) {
      expect(answer.headers['retry-after']).toBeDefined()
      expect(answer.body).toMatchObject({ code: 'request-in-progress', retryable: true })
    }
    const replayed = await makeBatch(body, { 'idempotency-key': 'fifty' })
    expect(replayed.headers['idempotent-replayed']).toBe('true')
    expect(replayed.text).toBe(made[0]!.text)
    expect((await api.ask('GET', `${BASE}/batches?limit=100`)).body.items.length).toBe(before + 1)
  })

  test('with another body is refused, and after a refusal the key is free', async () => {
    const headers = { 'idempotency-key': 'other-body' }
    expect((await makeBatch({ agent: 'nobody' }, headers)).status).toBe(404)
    expect((await makeBatch({}, headers)).status).toBe(201)
    expect(await makeBatch({ name: 'x' }, headers)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    })
  })

  test('of a form is the same whatever its boundary is', async () => {
    const parts: [string, string, string?][] = [
      ['agent', api.first.agentId!],
      ['draft', 'true'],
      ['file', 'phone\n+14155551000\n', 'a.csv'],
    ]
    const send = (boundary: string) => {
      const { payload, headers } = form(parts, boundary)
      return api.ask('POST', `${BASE}/batches`, { payload, headers: { ...headers, 'idempotency-key': 'a-form' } })
    }
    const [first, second] = [await send('one'), await send('two')]
    expect(first.status).toBe(201)
    expect(second.body).toEqual(first.body)
    expect(second.headers['idempotent-replayed']).toBe('true')
  })

  test('needs a key that can be written', async () => {
    for (const key of ['x'.repeat(256), 'two, keys', '']) {
      const answer = await makeBatch({}, { 'idempotency-key': key })
      expect(answer).toMatchObject({ status: 400, body: { field: 'Idempotency-Key' } })
    }
  })
})

describe('walls between organizations', () => {
  test('what belongs to another does not exist, on every route', async () => {
    const token = api.operatorToken
    const other = await api.ask('POST', `${BASE}/organizations`, { token, body: { name: 'Other' } })
    const key = await api.ask('POST', `${BASE}/organizations/${other.body.id}/keys`, { token, body: { name: 'k' } })
    const { id: batchId } = (await makeBatch()).body.batch
    const recipients = await api.ask('GET', `${BASE}/batches/${batchId}/recipients`)
    const [number] = (await api.ask('GET', `${BASE}/numbers`)).body.items
    const mine: Record<string, string> = {
      agents: api.first.agentId!,
      batches: batchId,
      numbers: number.id,
      trunks: api.first.trunkId!,
      keys: api.first.apiKey!.id,
    }
    const bodies: Record<string, unknown> = {
      PATCH: { name: 'mine now' },
      retry: { outcomes: ['busy'] },
      test: { to: '+14155550123' },
    }
    const routes = api.server.routeTable.entries.filter(
      ({ url, method, dialect }) =>
        dialect === 'native' && url.includes(':id') && !url.includes('organizations') && method !== 'HEAD',
    )
    expect(routes.length).toBeGreaterThan(20)
    for (const { method, url } of routes) {
      const noun = url.slice(BASE.length + 1).split('/')[0]!
      const path = url
        .replace(':id', mine[noun]!)
        .replace(':recipientId', recipients.body.items[0].id)
        .replace(':alias', 'stolen')
      const body = bodies[method] ?? bodies[url.split('/').at(-1)!]
      const answer = await api.ask(method, path, { token: key.body.token, body })
      expect(answer.status, `${method} ${url}`).toBe(404)
      expect(answer.body.code, `${method} ${url}`).toMatch(/-not-found$/)
      expect((await api.ask('GET', `${BASE}/agents/${mine.agents}`)).body.name).not.toBe('mine now')
    }
  })
})
