import { systemClock } from '../../src/clock.ts'
import { createMediaEngine } from '../../src/media/engine.ts'
import type { MediaSession, MediaStatistics } from '../../src/media/media-engine.ts'
import type { UdpSockets } from '../../src/udp/udp-sockets.ts'
import { promptOf, soundOf } from '../../test/media/sound.ts'
import { secondsWaitedForCore } from '../support/cpu-time.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/** A process with a media engine of one worker, as a node has it, and announcements that never end. */
const engine = createMediaEngine({
  clock: systemClock,
  log: { info: (fields) => console.error(fields), warn: (fields, message) => console.error(message, fields) },
  ports: { first: 20_000, last: 32_767 },
  workers: 1,
  sockets: process.argv[2] as UdpSockets,
})
const prompt = promptOf(soundOf(1, 60))
const sessions: MediaSession[] = []
let blocking: NodeJS.Timeout | undefined
const asleep = new Int32Array(new SharedArrayBuffer(4))

async function call(port: number, srtp: boolean): Promise<void> {
  let session: MediaSession
  const listener = { onPlayingEnded: () => void session.play(prompt) }
  session = await engine.open({ bindAddress: '127.0.0.1', srtp, inactivitySeconds: 60 }, listener)
  session.connect({
    address: '127.0.0.1',
    port,
    rtcpPort: port + 1,
    codec: 'PCMU',
    payloadType: 0,
    telephoneEventPayloadType: 101,
    // The echo sends our own packets back, so it "encrypts" with our key.
    srtpKey: session.srtpKey,
    direction: 'sendrecv',
  })
  session.play(prompt)
  sessions.push(session)
}

/** One after the other: no node asks for the figures of all its calls at once, and answering is work of the media thread. */
async function statisticsOfAll(): Promise<MediaStatistics[]> {
  const all: MediaStatistics[] = []
  for (const session of sessions) all.push(await session.statistics())
  return all
}

serveBench(
  {
    call: async (details) => {
      const { ports, calls, srtp } = details as unknown as { ports: number[]; calls: number; srtp: boolean }
      while (sessions.length < calls) await call(ports[sessions.length % ports.length]!, srtp)
      return sessions.length
    },
    /** Blocks the main thread for 250 ms of every second, as a long query or a large file would. It sleeps, so that it uses no CPU. */
    block: () => {
      blocking = setInterval(() => Atomics.wait(asleep, 0, 0, 250), 1000)
    },
    unblock: () => clearInterval(blocking),
    usage: () => cpuSecondsOfSelf(),
    waited: () => secondsWaitedForCore(process.pid),
    statistics: () => statisticsOfAll(),
    hangUp: () => Promise.all(sessions.splice(0).map((session) => session.close())),
  },
  () => engine.close(),
)
