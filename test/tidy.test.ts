import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeRequestErrors } from '../src/dialects/request-errors.ts'
import { describeErrors } from '../src/errors.ts'
import * as tidyChecks from './tidy-checks.ts'

const root = path.resolve(import.meta.dirname, '..')
const checks = { ...tidyChecks }
const repository = readTree('')

/** Text files of the repository, without what is installed, built or stored on this machine. */
function readTree(folder: string): Map<string, string> {
  const passedOver = /^(node_modules|dist|coverage|\.git|\.carillon)$/
  const entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true })
  return new Map(
    entries.flatMap((entry): [string, string][] => {
      const file = path.posix.join(folder, entry.name)
      if (passedOver.test(entry.name) || entry.name.endsWith('.log')) return []
      return entry.isDirectory() ? [...readTree(file)] : [[file, fs.readFileSync(path.join(root, file), 'utf8')]]
    }),
  )
}

/** For each check a file that it must refuse, and what must be said of it. */
const PLANTED: Readonly<
  Record<keyof typeof checks, readonly (readonly [file: string, text: string, fault: string])[]>
> = {
  kindFolders: [
    ['src/carriers/acme/carrier.ts', '', 'src/carriers/acme/cause.ts is missing'],
    ['src/dialects/acme/wire.ts', '', 'src/dialects/acme/dialect.ts is missing'],
    ['src/agents/acme/speech.ts', '', 'src/agents/acme/agent.ts is missing'],
  ],
  codemap: [
    ['src/acme/a.ts', '', 'ARCHITECTURE.md does not name src/acme/'],
    ['ARCHITECTURE.md', '`src/nowhere/`', 'ARCHITECTURE.md names src/nowhere/'],
  ],
  noNotesToSelf: [
    ['src/a.ts', `// ${'TO'}DO later`, 'src/a.ts:1'],
    ['docs/a.md', `${'FIX'}ME`, 'docs/a.md:1'],
  ],
  fileNames: [
    ['src/store/batch-utils.ts', '', 'batch-utils.ts says nothing'],
    ['src/call-manager.ts', '', 'call-manager.ts says nothing'],
    ['src/model/index.ts', '', 'index.ts says nothing'],
  ],
  fileSize: [['src/a.ts', '\n'.repeat(501), 'src/a.ts has 501 lines']],
  testsRun: [
    ['src/a.test.ts', `test.${'only'}('a', () => {})`, 'src/a.test.ts:1'],
    ['test/b.test.ts', `\ndescribe.concurrent.${'skip'}('b', () => {})`, 'test/b.test.ts:2'],
  ],
  markdown: [
    ['docs/a.md', '# One\n# Two\n', 'docs/a.md has 2 titles'],
    ['docs/b.md', 'no title\n```\n# comment\n```\n', 'docs/b.md has 0 titles'],
    ['docs/c.md', '# C\n[x](../nowhere.md)', 'docs/c.md links to ../nowhere.md'],
    ['docs/d.md', '# D\n[x](c.md#nothing)', 'docs/d.md links to c.md#nothing'],
  ],
  versions: [
    ['CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n## 99.0.0 - 2026-01-01\n', 'CHANGELOG.md ends at 99.0.0'],
    ['package-lock.json', '{"version":"99.0.0"}', 'package-lock.json is at 99.0.0'],
  ],
  lockFiles: [['tools/a/package-lock.json', '"resolved": "https://a.example/x.tgz"', 'tools/a/package-lock.json:1']],
  noForeignPlaces: [
    ['src/a.ts', `// see ${'/wo'}rk/main`, 'src/a.ts:1'],
    ['docs/a.md', `${'/ho'}me/ada/list.csv`, 'docs/a.md:1'],
    ['docs/b.md', `as ${'rul'}ings.md says`, 'docs/b.md:1'],
    ['bench/results.jsonl', '{"command":"--save /tmp/figures.jsonl"}', 'bench/results.jsonl:1'],
  ],
  vendorWords: [
    ['src/store/batches.ts', 'const trilletCalls = 1', 'src/store/batches.ts:1'],
    ['src/dialects/native/wire.ts', '// as Zudu does', 'src/dialects/native/wire.ts:1'],
    ['migrations/0002_x.sql', 'ALTER TABLE batch ADD ultravox_id uuid', 'migrations/0002_x.sql:1'],
  ],
  units: [
    ['src/model/a.ts', 'ringTimeout: number', 'ringTimeout does not end in its unit'],
    ['src/model/b.ts', 'readonly retryDelay?: number', 'retryDelay does not end in its unit'],
  ],
  time: [
    ['src/store/a.ts', 'const text = `SELECT now()`', 'src/store/a.ts:1'],
    ['src/store/b.ts', 'const text = `UPDATE gate SET at = clock_timestamp()`', 'src/store/b.ts:1'],
    ['src/cli/c.ts', "const text = 'SELECT current_timestamp'", 'src/cli/c.ts:1'],
    ['src/http/d.ts', 'const at = Date.now()', 'src/http/d.ts:1'],
    ['src/http/e.ts', 'const at = new Date()', 'src/http/e.ts:1'],
    ['src/dispatcher/f.ts', 'setTimeout(run, 5)', 'src/dispatcher/f.ts:1'],
    ['src/dispatcher/g.ts', "import { setTimeout as pause } from 'node:timers/promises'", 'src/dispatcher/g.ts:1'],
    [
      'migrations/0002_x.sql',
      'ALTER TABLE batch ADD at timestamptz DEFAULT CURRENT_TIMESTAMP',
      'migrations/0002_x.sql:1',
    ],
  ],
  environment: [
    ['src/http/a.ts', 'const port = process.env.PORT', 'src/http/a.ts:1'],
    ['src/http/b.ts', "import { env } from 'node:process'", 'src/http/b.ts:1'],
  ],
}

describe.each(Object.keys(checks) as (keyof typeof checks)[])('tidy: %s', (name) => {
  test('nothing is wrong', () => {
    expect(checks[name](repository)).toEqual([])
  })

  test.each(PLANTED[name])('a fault in %s is found', (file, text, fault) => {
    const found = checks[name](new Map([...repository, [file, text]]))
    expect(found).toContainEqual(expect.stringContaining(fault))
  })
})

describe('tidy: what the code says of itself', () => {
  const page = fs.readFileSync(path.join(root, 'docs/reference/errors.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(
    ([, code, status]) => `${code} ${status}`,
  )

  test('every error is documented, and every documented error exists', () => {
    const existing = [...describeErrors(), ...describeRequestErrors()]
    expect(documented).toEqual(existing.map(({ code, httpStatus }) => `${code} ${httpStatus}`))
  })

  test('the built program reports the version of the package', () => {
    const reported = execFileSync(process.execPath, [path.join(root, 'dist/cli/main.js'), '--version']).toString()
    expect(reported.trim()).toBe((JSON.parse(repository.get('package.json')!) as { version: string }).version)
  })
})
