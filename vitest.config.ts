import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/postgres-for-tests.ts'],
    pool: 'forks',
    // Real databases and processes start inside the tests; the limit only ends a test that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
