import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { noSound } from '../no-sound.ts'

const dispatcher = { counters: { failing: new Map() }, lease: { valid: true }, liveCalls: 0 } as never
const webhooks = { counters: {} } as never
const attention = { count: () => 0, ageSeconds: null }
const databases = { api: { givenUp: 3 }, webhooks: { givenUp: 0 } }

it('each metric is explained', async () => {
  const page = readFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8')
  const registry = createMetrics({ dispatcher, webhooks, attention, databases, ...noSound })
  const names = registry.getMetricsAsArray().map(({ name }) => name)
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name}{`))).toEqual([])
})

it('the line has figures before the first call', async () => {
  const registry = createMetrics({ dispatcher, webhooks, attention, databases, ...noSound })
  const calls = await registry.getSingleMetricAsString('carillon_sip_calls_total')
  for (const answer of ['2xx', '3xx', '4xx', '5xx', '6xx', 'none']) {
    expect(calls).toContain(`carillon_sip_calls_total{answer="${answer}"} 0`)
  }
  expect(await registry.getSingleMetricAsString('carillon_rtp_late_frames_total')).toContain('_total 0')
})

it('says whose connections to the database were given up', async () => {
  const registry = createMetrics({ dispatcher, webhooks, attention, databases, ...noSound })
  const givenUp = await registry.getSingleMetricAsString('carillon_database_connections_given_up_total')
  for (const line of ['{of="api"} 3', '{of="webhooks"} 0']) expect(givenUp).toContain(line)
})
