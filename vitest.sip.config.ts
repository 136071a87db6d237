import { defineConfig } from 'vitest/config'

/** Tests against telephones and exchanges that others wrote; they must be installed. See test/sip/README.md. */
export default defineConfig({
  test: {
    include: ['test/sip/**/*.test.ts'],
    globalSetup: ['test/sip/peers-installed.ts', 'test/postgres-for-tests.ts'],
    setupFiles: ['test/sip/warm-sound.ts'],
    pool: 'forks',
    // They share ports and a processor with real programs that keep real time.
    fileParallelism: false,
    execArgv: ['--import', './test/run-typescript.mjs'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
