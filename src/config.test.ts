import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConfigError, describeSettings, loadConfig, unknownSettings } from './config.ts'

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('settings', () => {
  test('have defaults that reach no network and need no database', () => {
    expect(loadConfig({})).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      dataFolder: '.carillon',
      databaseUrl: undefined,
      publicUrl: undefined,
      drainSeconds: 600,
      allowPrivateTargets: [],
      region: 'US',
      logLevel: 'info',
    })
  })

  test('an empty variable is not set', () => {
    expect(loadConfig({ PORT: '', CARILLON_PUBLIC_URL: '  ' })).toMatchObject({ port: 8080, publicUrl: undefined })
  })

  test('a base address loses the slash at its end and keeps its path', () => {
    expect(loadConfig({ CARILLON_PUBLIC_URL: 'https://calls.example.com/dial/' }).publicUrl).toBe(
      'https://calls.example.com/dial',
    )
  })

  test('networks are a list', () => {
    expect(loadConfig({ CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8, ::1/128,' }).allowPrivateTargets).toEqual([
      '127.0.0.0/8',
      '::1/128',
    ])
  })

  test.each([
    [{ PORT: '80a' }, /^PORT: Write a whole number from 0 to 65535\. It is "80a"\.$/],
    [{ PORT: '70000' }, /^PORT/],
    [{ HOST: 'a b' }, /^HOST/],
    [{ CARILLON_PUBLIC_URL: 'ftp://x' }, /^CARILLON_PUBLIC_URL/],
    [{ CARILLON_PUBLIC_URL: 'https://user:pass@x' }, /^CARILLON_PUBLIC_URL/],
    [{ DATABASE_URL: 'mysql://me:hunter2@x/y' }, /^DATABASE_URL: Write an address/],
    [{ CARILLON_DRAIN_SECONDS: '-1' }, /^CARILLON_DRAIN_SECONDS/],
    [{ CARILLON_ALLOW_PRIVATE_TARGETS: '10.0.0.0/33' }, /^CARILLON_ALLOW_PRIVATE_TARGETS/],
    [{ CARILLON_ALLOW_PRIVATE_TARGETS: 'loopback' }, /^CARILLON_ALLOW_PRIVATE_TARGETS/],
    [{ CARILLON_LOG_LEVEL: 'loud' }, /^CARILLON_LOG_LEVEL: Write one of silent, /],
    [{ CARILLON_BOOTSTRAP_API_KEY: 'short' }, /^CARILLON_BOOTSTRAP_API_KEY: Write 20 to 200/],
    [
      { CARILLON_BOOTSTRAP_API_SECRET: 's'.repeat(20) },
      /^CARILLON_BOOTSTRAP_API_SECRET: Set CARILLON_BOOTSTRAP_API_KEY/,
    ],
  ])('refuses %j', (environment, problem) => {
    expect(problemsOf(environment as Record<string, string>)).toEqual([expect.stringMatching(problem)])
  })

  test('names every wrong setting at once and shows no secret', () => {
    const problems = problemsOf({
      PORT: 'x',
      DATABASE_URL: 'mysql://me:hunter2@x/y',
      CARILLON_OPERATOR_API_KEY: 'hunter3',
    })
    expect(problems).toHaveLength(3)
    expect(problems.join()).not.toMatch(/hunter/)
  })

  test('a misspelt one is found, one of Kubernetes is not', () => {
    const environment = { CARILLON_DRAIN_SECOND: '5', CARILLON_PORT: 'tcp://1', CARILLON_SERVICE_HOST: '1', HOME: '/' }
    expect(unknownSettings(environment)).toEqual(['CARILLON_DRAIN_SECOND'])
  })

  test('all stand on the reference page', () => {
    const page = fs.readFileSync(new URL('../docs/reference/config.md', import.meta.url), 'utf8')
    for (const { variable, description } of describeSettings()) {
      expect(page).toContain(`\`${variable}\``)
      expect(page).toContain(description)
    }
  })
})
