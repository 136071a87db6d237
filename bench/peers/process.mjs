// A process of a peer: prepares and loads a list of jobs, or works it off.
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'
import { peers } from './jobs.mjs'

const { peer: name, ...place } = JSON.parse(process.argv[2])
const peer = peers[name]
const REPORT_MS = 5
let done = 0
let stop = async () => {}

const channel = serveBench(
  {
    load: async ({ count }) => {
      await peer.prepare(place)
      const from = performance.now()
      await peer.load(place, count)
      return { seconds: (performance.now() - from) / 1000, loaded: await peer.left(place) }
    },
    work: async () => {
      stop = await peer.work(place, (count) => {
        done += count
      })
      return {}
    },
    usage: () => ({ cpuSeconds: cpuSecondsOfSelf() }),
    left: async () => ({ left: await peer.left(place) }),
  },
  () => stop(),
)
setInterval(() => channel.send({ done }), REPORT_MS).unref()
