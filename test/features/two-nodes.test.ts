import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { LIMITS } from '../../verify/limits.ts'
import { runRound } from '../../verify/round.ts'
import { createTestDatabase } from '../database.ts'

it('calls everyone once and loses nobody when one of two nodes is killed and started again', async () => {
  const database = await createTestDatabase()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-two-nodes-'))
  const place = { databaseUrl: database.connectionString, folder }
  const round = await runRound({ ...place, ...LIMITS, seed: 4, recipients: 300 })
  expect(round.broken).toEqual([])
  expect(round).toMatchObject({ recipients: 300, doubleCalls: 0, lost: 0 })
  // Ninety-five people take up a second dial, twelve are refused before there is a call; the rest depends on the kill.
  expect(round.calls).toBeGreaterThan(300)
  expect(round.leftBehind).toBeGreaterThan(0)
  fs.rmSync(folder, { recursive: true })
  await database.drop()
})
