import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const repository = path.resolve(import.meta.dirname, '..')

/** The smallest product that has every folder and keeps every rule. */
const SKELETON: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/clock.ts': [],
  'src/config.ts': ['zod'],
  'src/logger.ts': ['pino', './model/batch.ts'],
  'src/metrics.ts': ['type ./dispatcher/dispatcher.ts'],
  'src/main.ts': ['./dispatcher/dispatcher.ts', './http/server.ts', './dialects/registry.ts', './carriers/registry.ts'],
  'src/model/batch.ts': ['../errors.ts', 'temporal-polyfill', 'node:crypto'],
  'src/model/batch.test.ts': ['./batch.ts', 'vitest'],
  'src/csv/reader.ts': ['../model/batch.ts'],
  'src/store/database.ts': ['pg', '../model/batch.ts', '../clock.ts'],
  'src/commands/create-batch.ts': ['../store/database.ts', '../csv/reader.ts', '../errors.ts'],
  'src/dialects/dialect.ts': ['type ../csv/reader.ts'],
  'src/dialects/registry.ts': ['./native/dialect.ts', './acme/dialect.ts'],
  'src/dialects/native/dialect.ts': ['../dialect.ts', '../../commands/create-batch.ts'],
  'src/dialects/acme/dialect.ts': ['../dialect.ts'],
  'src/http/server.ts': ['fastify', '../dialects/dialect.ts', '../carriers/carrier.ts'],
  'src/carriers/carrier.ts': ['../clock.ts'],
  'src/carriers/registry.ts': ['./loopback/carrier.ts', './acme/carrier.ts'],
  'src/carriers/loopback/carrier.ts': ['./listen.ts', '../carrier.ts'],
  'src/carriers/loopback/listen.ts': ['type ../carrier.ts'],
  'src/carriers/acme/carrier.ts': ['../../model/batch.ts'],
  'src/agents/agent.ts': ['type ../carriers/carrier.ts'],
  'src/agents/registry.ts': ['./announcement/agent.ts'],
  'src/agents/announcement/agent.ts': ['../agent.ts'],
  'src/agents/acme/agent.ts': ['../agent.ts'],
  'src/dispatcher/dispatcher.ts': ['../store/database.ts', '../carriers/carrier.ts', '../agents/agent.ts'],
  'src/targets/guard.ts': ['../clock.ts'],
  'src/webhooks/deliverer.ts': ['../commands/create-batch.ts', '../targets/guard.ts'],
  'src/sip/endpoint.ts': ['../clock.ts'],
  'src/media/media-engine.ts': ['../clock.ts'],
  'src/udp/socket-name.ts': ['ipaddr.js'],
  'src/voices/voices.ts': ['../clock.ts'],
  'src/embedded-postgres/supervisor.ts': ['../store/database.ts', '../clock.ts'],
  'src/cli/main.ts': ['commander', '../main.ts'],
  'src/cli/loopback.ts': ['../carriers/loopback/listen.ts'],
  'test/world.ts': ['../src/carriers/loopback/carrier.ts', 'fast-check'],
}

/** A file, what it imports although it may not, and the rule that must say so. */
const VIOLATIONS: readonly (readonly [file: string, target: string, rule: string])[] = [
  ['src/model/limits.ts', '../clock.ts', 'model-imports'],
  ['src/model/wire.ts', 'zod', 'model-needs-no-package'],
  ['src/csv/save.ts', '../store/database.ts', 'csv-imports'],
  ['src/store/decode.ts', '../commands/create-batch.ts', 'store-imports'],
  ['src/commands/dial.ts', '../dispatcher/dispatcher.ts', 'commands-imports'],
  ['src/commands/open.ts', '../carriers/carrier.ts', 'commands-imports'],
  ['src/commands/answer.ts', '../http/server.ts', 'commands-imports'],
  ['src/commands/read.ts', 'pg', 'sql-only-in-store'],
  ['src/commands/load.ts', 'type pg', 'sql-only-in-store'],
  ['src/embedded-postgres/copy.ts', 'pg-copy-streams', 'sql-only-in-store'],
  ['src/embedded-postgres/tenant.ts', '../model/batch.ts', 'embedded-postgres-imports'],
  ['src/dialects/acme/rows.ts', '../../store/database.ts', 'dialects-imports'],
  ['src/dialects/acme/call.ts', '../../dispatcher/dispatcher.ts', 'dialects-imports'],
  ['src/dialects/acme/trunk.ts', '../../carriers/carrier.ts', 'dialects-imports'],
  ['src/dialects/acme/encode.ts', '../native/dialect.ts', 'kinds-know-no-other-kind'],
  ['src/dialects/acme/upload.ts', '../../csv/reader.ts', 'dialects-do-not-read-csv'],
  ['src/http/rows.ts', '../store/database.ts', 'http-imports'],
  ['src/http/openapi.ts', '../dialects/native/dialect.ts', 'only-registries-name-a-kind'],
  ['src/carriers/acme/callback.ts', '../loopback/carrier.ts', 'kinds-know-no-other-kind'],
  ['src/carriers/acme/rows.ts', '../../store/database.ts', 'carriers-imports'],
  ['src/carriers/shared.ts', './loopback/carrier.ts', 'only-registries-name-a-kind'],
  ['src/agents/acme/speak.ts', '../announcement/agent.ts', 'kinds-know-no-other-kind'],
  ['src/agents/acme/rows.ts', '../../store/database.ts', 'agents-imports'],
  ['src/dispatcher/ask.ts', '../commands/create-batch.ts', 'dispatcher-imports'],
  ['src/dispatcher/kinds.ts', '../carriers/registry.ts', 'dispatcher-imports'],
  ['src/dispatcher/simulate.ts', '../carriers/loopback/carrier.ts', 'only-registries-name-a-kind'],
  ['src/udp/call.ts', '../sip/endpoint.ts', 'udp-imports'],
  ['src/cli/batch.ts', '../store/database.ts', 'cli-imports'],
  ['src/cli/watch.ts', '../dispatcher/dispatcher.ts', 'cli-imports'],
  ['src/logger.ts', './store/database.ts', 'logger-imports'],
  ['src/metrics.ts', './dispatcher/dispatcher.ts', 'metrics-make-no-dispatcher'],
  ['src/store/guess.ts', 'fast-check', 'no-development-packages'],
  ['src/store/seed.ts', '../../test/world.ts', 'no-tests-in-the-product'],
  ['src/store/lost.ts', './nowhere.ts', 'imports-exist'],
  ['src/webhooks/dial.ts', '../dispatcher/dispatcher.ts', 'webhooks-imports'],
  ['src/sip/batch.ts', '../model/batch.ts', 'sip-imports'],
  ['src/media/call.ts', '../sip/endpoint.ts', 'media-imports'],
  ['src/voices/agent.ts', '../agents/agent.ts', 'voices-imports'],
  ['src/targets/rows.ts', '../store/database.ts', 'targets-imports'],
  ['src/newcomer/send.ts', '../clock.ts', 'no-rule'],
  ['src/store/database.ts', './pool.ts', 'no-cycles'],
  ['src/store/pool.ts', './database.ts', 'no-cycles'],
  ['src/store/rows.ts', 'type ./columns.ts', 'no-cycles'],
  ['src/store/columns.ts', 'type ./rows.ts', 'no-cycles'],
]

let root: string

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-imports-'))
  fs.symlinkSync(path.join(repository, 'node_modules'), path.join(root, 'node_modules'))
  fs.copyFileSync(path.join(repository, 'package.json'), path.join(root, 'package.json'))
  for (const [file, targets] of Object.entries(SKELETON)) for (const target of targets) plant(file, target)
  for (const file of ['src/errors.ts', 'src/clock.ts']) plant(file)
})

afterEach(() => fs.rmSync(root, { recursive: true, force: true }))

function plant(file: string, target?: string): void {
  const [, type = '', specifier] = /^(type )?(.*)$/.exec(target ?? '') ?? []
  const name = `x${Buffer.from(specifier ?? '').toString('hex')}`
  fs.mkdirSync(path.join(root, path.dirname(file)), { recursive: true })
  const line = specifier ? `import ${type}{\n  ${name},\n} from '${specifier}'\n` : 'export const nothing = 0\n'
  fs.appendFileSync(path.join(root, file), line)
}

function checkImports(modulesMin = 20): { status: number | null; faults: string[] } {
  const script = path.join(repository, 'scripts/check-imports.mjs')
  const run = spawnSync(process.execPath, [script, '--root', root, '--modules-min', String(modulesMin)])
  return { status: run.status, faults: run.stderr.toString().split('\n').filter(Boolean) }
}

describe('the import check', () => {
  test('passes what keeps the rules', () => {
    expect(checkImports()).toEqual({ status: 0, faults: [] })
  })

  test('finds every planted violation, and nothing else', () => {
    for (const [file, target] of VIOLATIONS) plant(file, target)
    const { status, faults } = checkImports()
    for (const [file, target, rule] of VIOLATIONS) {
      const found = faults.filter(
        (fault) => fault.startsWith(`${rule}: `) && fault.includes(file.replace('send.ts', '')),
      )
      expect(found, `${rule} must refuse that ${file} imports ${target}`).not.toHaveLength(0)
    }
    const planted = VIOLATIONS.map(([file]) => file.replace('send.ts', ''))
    expect(faults.filter((fault) => !planted.some((file) => fault.includes(file)))).toEqual([])
    expect(status).toBe(1)
  })

  test('fails when it saw too little to judge', () => {
    const all = checkImports(100)
    expect(all.status).toBe(1)
    expect(all.faults).toEqual([expect.stringContaining('too-few-modules')])
    fs.rmSync(path.join(root, 'src/dispatcher'), { recursive: true })
    fs.rmSync(path.join(root, 'src/main.ts'))
    const { faults } = checkImports()
    expect(faults).toContainEqual('no-imports-seen: nothing in src/dispatcher/ imports anything')
  })
})
