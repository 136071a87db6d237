import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // They need other programs and have a step of their own: `npm run test:sip`.
    exclude: ['test/sip/**', '**/node_modules/**'],
    globalSetup: ['test/postgres-for-tests.ts'],
    pool: 'forks',
    // So that worker threads of the product load from TypeScript in tests.
    execArgv: ['--import', './test/run-typescript.mjs'],
    // Real databases and processes start inside the tests; the limit only ends a test that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
