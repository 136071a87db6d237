import os from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // They need other programs and have a step of their own: `npm run test:sip`.
    exclude: ['test/sip/**', '**/node_modules/**'],
    globalSetup: ['test/postgres-for-tests.ts'],
    pool: 'forks',
    // Loading the product anew for each of 230 files took a third of the run. So a test leaves no module's state, environment
    // or global changed behind; what it starts, it ends.
    isolate: false,
    // Many tests wait for what takes its time, so that two at once fit onto one processor.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    // So that worker threads of the product load from TypeScript in tests.
    execArgv: ['--import', './test/run-typescript.mjs'],
    // Real databases and processes start inside the tests; the limit only ends a test that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
