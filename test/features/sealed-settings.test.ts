import { expect, test } from 'vitest'
import type { ZodObject } from 'zod'
import { CARRIER_KINDS } from '../../src/carriers/registry.ts'
import { secretNames } from '../../src/commands/sealed-settings.ts'
import { createTrunk, openTrunkSettings, updateTrunk } from '../../src/commands/trunks.ts'
import { commandWorld } from '../command-world.ts'

const SECRET = 'of-the-network-and-nobody-else'
const limits = { liveMax: 10, callsPerSecond: 1 }
const settings = { url: 'http://127.0.0.1:7300', secret: SECRET }

test('every setting that sounds like a secret is marked as one', () => {
  for (const { kind, settings: schema } of CARRIER_KINDS) {
    const names = Object.keys((schema as ZodObject).shape)
    const sounding = names.filter((name) => /secret|password|token|api_?key/i.test(name))
    expect([kind, secretNames(schema)]).toEqual([kind, sounding])
  }
  expect(CARRIER_KINDS.flatMap(({ settings: schema }) => secretNames(schema))).toContain('password')
})

test('secrets of trunks are stored sealed, never shown, and open for the carrier', async () => {
  const { context, actor, sql } = await commandWorld()
  const trunk = await createTrunk(context, actor, { name: 'net', carrier: 'loopback', settings, ...limits })
  expect(trunk.settings).toEqual({ url: settings.url, speed: 1 })
  expect(trunk.secretSettings).toEqual(['secret'])
  const [row] = await sql('SELECT trunk_id, settings FROM trunk WHERE trunk_uuid = $1', [trunk.id])
  expect(JSON.stringify(row)).not.toContain(SECRET)
  const place = { organizationId: actor.organizationId, trunkId: row!.trunk_id as number }
  expect(openTrunkSettings(context, place, row!.settings as never)).toEqual({ ...settings, speed: 1 })
  const elsewhere = { ...place, trunkId: place.trunkId + 1 }
  expect(() => openTrunkSettings(context, elsewhere, row!.settings as never)).toThrow('belongs to another row')
})

test('a change that leaves a secret out keeps it, null removes it', async () => {
  const { context, actor, sql } = await commandWorld()
  const trunk = await createTrunk(context, actor, { name: 'net', carrier: 'loopback', settings, ...limits })
  const stored = async () => {
    const [row] = await sql('SELECT trunk_id, settings FROM trunk WHERE trunk_uuid = $1', [trunk.id])
    const place = { organizationId: actor.organizationId, trunkId: row!.trunk_id as number }
    return openTrunkSettings(context, place, row!.settings as never)
  }
  await updateTrunk(context, actor, trunk.id, { settings: { ...trunk.settings, speed: 5 } })
  expect(await stored()).toEqual({ ...settings, speed: 5 })
  await expect(
    updateTrunk(context, actor, trunk.id, { settings: { url: settings.url, secret: null } }),
  ).rejects.toMatchObject({ code: 'invalid-settings' })
  const changed = await updateTrunk(context, actor, trunk.id, { settings: { secret: null } })
  expect(changed.secretSettings).toEqual([])
  expect(await stored()).toEqual({ speed: 1 })
})
