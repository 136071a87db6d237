// The sound of calls by a system call for each packet, as in containers that do not let a program use io_uring.
process.env.CARILLON_TEST_SOCKETS = 'system'
await import('./media-engine.test.ts')
