// What each peer needs to be run with jobs that do nothing: a schema, a list of jobs, workers, and how many are left.
// Runs on Node 22.18 or later, which the peers need and which reads TypeScript by itself.

const ADD_GRAPHILE_JOBS = `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT json_populate_record(
  null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', json_build_object('id', g)))
  FROM generate_series(1, $1::int) g))`

export const peers = {
  'graphile-worker': {
    async prepare({ url }) {
      const { runMigrations } = await import('graphile-worker')
      await runMigrations({ connectionString: url })
    },
    async load({ url }, count) {
      await inSlices(count, 10_000, (slice) => ask(url, ADD_GRAPHILE_JOBS, [slice]))
    },
    async left({ url }) {
      return (await ask(url, 'SELECT count(*)::int AS n FROM graphile_worker._private_jobs'))[0].n
    },
    /** Its best settings as measured: a local queue, many jobs at once, completion in batches, no log. */
    async work({ url, processes }, onDone) {
      const { Logger, run } = await import('graphile-worker')
      const runner = await run({
        connectionString: url,
        maxPoolSize: 10,
        taskList: { noop: async () => onDone(1) },
        logger: new Logger(() => () => {}),
        noHandleSignals: true,
        preset: {
          worker: {
            concurrentJobs: 200,
            maxPoolSize: 10,
            localQueue: { size: processes > 1 ? 2000 : 5000 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      })
      return () => runner.stop()
    },
  },
  'pg-boss': {
    async prepare({ url }) {
      const boss = await startBoss(url)
      await boss.createQueue('noop')
      await boss.stop({ graceful: false })
    },
    async load({ url }, count) {
      const boss = await startBoss(url)
      const jobs = (slice) => Array.from({ length: slice }, (_, id) => ({ data: { id } }))
      await inSlices(count, 10_000, (slice) => boss.insert('noop', jobs(slice)))
      await boss.stop({ graceful: false })
    },
    async left({ url }) {
      const sql = `SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'noop' AND state < 'completed'`
      return (await ask(url, sql))[0].n
    },
    async work({ url, processes }, onDone) {
      const boss = await startBoss(url)
      const settings = { batchSize: 2000, pollingIntervalSeconds: 0.5, localConcurrency: processes > 1 ? 4 : 2 }
      await boss.work('noop', settings, async (jobs) => onDone(jobs.length))
      return () => boss.stop({ graceful: true })
    },
  },
  bullmq: {
    async prepare() {},
    async load({ socket }, count) {
      const { Queue } = await import('bullmq')
      const queue = new Queue('noop', { connection: { path: socket } })
      const jobs = (slice) =>
        Array.from({ length: slice }, (_, id) => ({ name: 'noop', data: { id }, opts: { removeOnComplete: true } }))
      await inSlices(count, 5000, (slice) => queue.addBulk(jobs(slice)))
      await queue.close()
    },
    async left({ socket }) {
      const { Queue } = await import('bullmq')
      const queue = new Queue('noop', { connection: { path: socket } })
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
      await queue.close()
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    },
    async work({ socket }, onDone) {
      const { Worker } = await import('bullmq')
      const connection = { path: socket, maxRetriesPerRequest: null }
      const worker = new Worker('noop', async () => onDone(1), { connection, concurrency: 200 })
      return () => worker.close()
    },
  },
}

async function startBoss(url) {
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({ connectionString: url, schedule: false, supervise: false })
  boss.on('error', () => {})
  await boss.start()
  return boss
}

async function inSlices(count, size, add) {
  for (let at = 0; at < count; at += size) await add(Math.min(size, count - at))
}

async function ask(url, text, values) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text, values)
  await client.end()
  return rows
}
