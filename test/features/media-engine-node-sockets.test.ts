// The sound of calls over Node's own sockets, as on systems where the product's own system calls cannot be had.
process.env.CARILLON_TEST_SOCKETS = 'node'
await import('./media-engine.test.ts')
