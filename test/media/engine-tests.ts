import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createMediaEngine } from '../../src/media/engine.ts'
import { decodeG711, encodeG711 } from '../../src/media/g711.ts'
import type { MediaListener, MediaSession, RemoteMedia } from '../../src/media/media-engine.ts'
import type { AudioCodec } from '../../src/media/prompt.ts'
import { SrtpReceiver } from '../../src/media/srtp.ts'
import type { UdpSockets } from '../../src/udp/udp-sockets.ts'
import { type HeardPacket, RtpPeer } from './rtp-peer.ts'
import { bestCorrelation, promptOf, soundOf } from './sound.ts'

/** Ports of each kind of sockets alone: their tests may run beside each other, and beside others. */
const FIRST_PORTS: Record<UdpSockets, number> = { rings: 18_000, system: 18_200, node: 17_400 }

/** What the sound of calls promises, whatever sockets it goes over. */
export function testMediaEngine(sockets: UdpSockets): void {
  const firstPort = FIRST_PORTS[sockets]
  const engine = createMediaEngine({
    clock: systemClock,
    log: { info: () => undefined, warn: () => undefined },
    ports: { first: firstPort, last: firstPort + 199 },
    workers: 1,
    sockets,
  })
  afterAll(() => engine.close())
  // A busy machine may take longer to start a thread from its sources than a call is ready to wait.
  beforeAll(async () => {
    for (let started = false; !started; ) {
      started = await engine.open({ bindAddress: '127.0.0.1', srtp: false, inactivitySeconds: 30 }, {}).then(
        (session) => session.close().then(() => true),
        () => false,
      )
    }
  }, 60_000)

  interface Call {
    readonly peer: RtpPeer
    readonly session: MediaSession
    readonly keys: string[]
    readonly ended: string[]
    readonly sounds: Int16Array[]
    startedAfterMs: number
    inactive: number
  }

  async function call(changes: { srtp?: boolean; inactivitySeconds?: number; hear?: boolean } = {}): Promise<Call> {
    const peer = await RtpPeer.open()
    const told = {
      keys: [] as string[],
      ended: [] as string[],
      sounds: [] as Int16Array[],
      startedAfterMs: -1,
      inactive: 0,
    }
    const listener: MediaListener = {
      onKey: (key) => told.keys.push(key),
      onPlayingStarted: (_playing, afterMs) => {
        told.startedAfterMs = afterMs
      },
      onPlayingEnded: (playing, how) => told.ended.push(`${playing} ${how}`),
      onInactive: () => told.inactive++,
      onSound: (samples) => told.sounds.push(samples),
    }
    const options = { bindAddress: '127.0.0.1', srtp: false, inactivitySeconds: 30, ...changes }
    const session = await engine.open(options, listener)
    onTestFinished(async () => {
      await session.close()
      peer.close()
    })
    return Object.assign(told, { peer, session })
  }

  function remoteOf(peer: RtpPeer, changes: Partial<RemoteMedia> = {}): RemoteMedia {
    return {
      address: '127.0.0.1',
      port: peer.port,
      rtcpPort: peer.rtcpPort,
      codec: 'PCMU',
      payloadType: 0,
      telephoneEventPayloadType: 101,
      srtpKey: null,
      direction: 'sendrecv',
      ...changes,
    }
  }

  function soundIn(packets: readonly HeardPacket[], codec: AudioCodec): Int16Array {
    const codes = Buffer.concat(packets.map(({ payload }) => payload))
    const samples = new Int16Array(codes.length)
    decodeG711(codec, codes, samples)
    return samples
  }

  const FRAMES = 100
  const SOUND = soundOf(1, FRAMES / 50)

  describe('the sound of a call', () => {
    it.each([
      ['PCMU', 0],
      ['PCMA', 8],
    ] as const)('arrives whole as %s, at once, every 20 ms', async (codec, payloadType) => {
      const { peer, session, ...told } = await call()
      session.connect(remoteOf(peer, { codec, payloadType }))
      session.play(promptOf(SOUND))
      await peer.until(() => peer.heard.length >= FRAMES + 10)
      const heard = soundIn(peer.heard, codec)
      expect(bestCorrelation(SOUND, heard, 1600)).toBeGreaterThan(0.999)
      expect(bestCorrelation(soundOf(2, 2), heard, 1600)).toBeLessThan(0.5)
      for (const [at, packet] of peer.heard.entries()) {
        const before = peer.heard[at - 1]
        expect(packet.payloadType).toBe(payloadType)
        expect(packet.marker).toBe(at === 0)
        if (before === undefined) continue
        expect((packet.sequence - before.sequence) & 0xffff).toBe(1)
        expect((packet.timestamp - before.timestamp) >>> 0).toBe(160)
      }
      const spanMs = peer.heard.at(-1)!.atMs - peer.heard[0]!.atMs
      expect(spanMs / (peer.heard.length - 1)).toBeCloseTo(20, 0)
      expect(told.ended).toEqual(['1 finished'])
    })

    it('goes on while the main thread stands still, and begins within 200 ms', async () => {
      const { peer, session, ...told } = await call()
      session.connect(remoteOf(peer))
      session.play(promptOf(SOUND))
      await peer.until(() => peer.heard.length >= 5)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250)
      await peer.until(() => peer.heard.length >= 60)
      const { sent } = await session.close()
      // A machine that is busy with other tests may delay a worker, but not by what the main thread was blocked for.
      expect(sent.latestMs).toBeLessThan(150)
      expect(told.ended).toEqual([])
    })

    it('is replaced by the next prompt, and tells what became of each', async () => {
      const c = await call()
      c.session.connect(remoteOf(c.peer))
      expect(c.session.play(promptOf(SOUND))).toBe(1)
      await c.peer.until(() => c.peer.heard.length >= 5)
      expect(c.session.play(promptOf(soundOf(5, 0.2)))).toBe(2)
      await c.peer.until(() => c.ended.length === 2)
      expect(c.ended).toEqual(['1 stopped', '2 finished'])
      expect(c.startedAfterMs).toBeLessThan(200)
    })

    it('pauses on hold, moves with a re-INVITE and goes on where it was', async () => {
      const { peer, session } = await call()
      const other = await RtpPeer.open()
      onTestFinished(() => other.close())
      session.connect(remoteOf(peer))
      session.play(promptOf(SOUND))
      await peer.until(() => peer.heard.length >= 30)
      session.connect(remoteOf(peer, { direction: 'recvonly' }))
      await session.statistics()
      const before = peer.heard.length
      session.connect(remoteOf(other))
      await other.until(() => other.heard.length >= FRAMES - before)
      expect(peer.heard.length - before).toBeLessThanOrEqual(1)
      const both = soundIn([...peer.heard, ...other.heard], 'PCMU')
      expect(bestCorrelation(SOUND, both, 1600)).toBeGreaterThan(0.99)
    })

    it('is heard through loss and disorder, with the gap filled', async () => {
      const { peer, session, sounds } = await call({ hear: true })
      session.connect(remoteOf(peer))
      await peer.until(() => peer.heard.length >= 1)
      const tone = Int16Array.from({ length: 8000 }, (_, at) => 8000 * Math.sin((2 * Math.PI * 200 * at) / 8000))
      const codes = new Uint8Array(tone.length)
      encodeG711('PCMU', tone, codes)
      for (let frame = 0; frame < 50; frame++) {
        if (frame === 20) peer.lose(1)
        else peer.send(peer.packet(codes.subarray(frame * 160, frame * 160 + 160)), session.local.rtpPort)
        const heard = peer.heard.length
        await peer.until(() => peer.heard.length > heard)
      }
      await peer.until(() => sounds.length >= 60)
      const { received } = await session.close()
      expect(received).toMatchObject({ packets: 49, lost: 1, refused: 0 })
      expect(received.concealedFrames).toBeGreaterThanOrEqual(1)
      expect(received.voiceMs).toBeGreaterThan(800)
      const loud = sounds.map((frame) => Math.max(...frame))
      const first = loud.findIndex((peak) => peak > 4000)
      // The lost frame was filled with the tone's own period.
      expect(Math.min(...loud.slice(first, first + 40))).toBeGreaterThan(4000)
    })
  })

  describe('key presses', () => {
    it('are told once each, however often and in whichever order their packets come', async () => {
      const { peer, session, keys } = await call()
      session.connect(remoteOf(peer))
      await peer.until(() => peer.heard.length >= 1)
      const press = (key: number, timestamp: number, skipStart: boolean) => {
        const packets = [160, 320, 480, 480, 480].map((duration, at) =>
          peer.packet(Uint8Array.of(key, at >= 2 ? 0x8a : 0x0a, duration >> 8, duration & 0xff), {
            payloadType: 101,
            timestamp,
            marker: at === 0,
          }),
        )
        for (const packet of skipStart ? packets.slice(3) : packets) peer.send(packet, session.local.rtpPort)
      }
      press(1, 1000, false)
      press(10, 3000, true)
      press(1, 5000, false)
      peer.send(peer.packet(Uint8Array.of(11, 10), { payloadType: 101, timestamp: 7000 }), session.local.rtpPort)
      peer.send(
        peer.packet(Uint8Array.of(200, 10, 0, 160), { payloadType: 101, timestamp: 8000 }),
        session.local.rtpPort,
      )
      const heard = peer.heard.length
      await peer.until(() => peer.heard.length > heard + 10)
      expect(keys.join('')).toBe('1*1')
      expect((await session.close()).received.keys).toBe('1*1')
    })

    it('are sent as the other side agreed, or not at all', async () => {
      const { peer, session } = await call()
      session.connect(remoteOf(peer, { telephoneEventPayloadType: null }))
      expect(session.sendKeys('5')).toBe(false)
      session.connect(remoteOf(peer, { telephoneEventPayloadType: 96 }))
      expect(session.sendKeys('5#')).toBe(true)
      const events = () => peer.heard.filter(({ payloadType }) => payloadType === 96)
      await peer.until(() => events().length >= 14)
      for (const [key, code] of [5, 11].entries()) {
        const packets = events().slice(key * 7, key * 7 + 7)
        expect(packets.map(({ payload }) => payload[0])).toEqual(Array(7).fill(code))
        expect(packets.map(({ payload }) => payload[1]! >> 7)).toEqual([0, 0, 0, 0, 1, 1, 1])
        expect(new Set(packets.map(({ timestamp }) => timestamp)).size).toBe(1)
        expect(packets[0]!.marker).toBe(true)
      }
    })
  })

  describe('a session', () => {
    it('speaks SRTP with the offered key, and hears nothing else', async () => {
      const { peer, session } = await call({ srtp: true })
      session.connect(remoteOf(peer, { srtpKey: new Uint8Array(30).fill(7) }))
      session.play(promptOf(SOUND))
      await peer.until(() => peer.heard.length >= FRAMES)
      const receiver = new SrtpReceiver(session.srtpKey!)
      const opened = peer.heard.map(({ raw }) => receiver.openRtp(Buffer.from(raw)))
      const codes = Buffer.concat(opened.map((packet) => packet!.subarray(12)))
      const samples = new Int16Array(codes.length)
      decodeG711('PCMU', codes, samples)
      expect(bestCorrelation(SOUND.subarray(0, 12_000), samples, 1600)).toBeGreaterThan(0.999)
      peer.send(peer.packet(new Uint8Array(160)), session.local.rtpPort)
      const heard = peer.heard.length
      await peer.until(() => peer.heard.length > heard + 5)
      await expect.poll(async () => (await session.statistics()).received.refused).toBe(1)
      expect((await session.close()).received).toMatchObject({ packets: 0, refused: 1 })
    })

    it('never speaks in the clear once it offered a key', async () => {
      const { peer, session } = await call({ srtp: true })
      session.connect(remoteOf(peer))
      session.play(promptOf(SOUND))
      await session.statistics()
      const { sent } = await session.close()
      expect(sent.packets).toBe(0)
      expect(peer.heard).toEqual([])
    })

    it('takes the source that is there, gives it back to the announced one, and ignores strangers', async () => {
      const { peer, session } = await call()
      const [stranger, late] = [await RtpPeer.open(), await RtpPeer.open()]
      onTestFinished(() => {
        stranger.close()
        late.close()
      })
      session.connect(remoteOf(peer))
      await peer.until(() => peer.heard.length >= 1)
      stranger.send(stranger.packet(new Uint8Array(160)), session.local.rtpPort)
      await stranger.until(() => stranger.heard.length >= 2)
      peer.send(peer.packet(new Uint8Array(160)), session.local.rtpPort)
      const heard = peer.heard.length
      await peer.until(() => peer.heard.length >= heard + 5)
      late.send(late.packet(new Uint8Array(160)), session.local.rtpPort)
      const more = peer.heard.length
      await peer.until(() => peer.heard.length >= more + 5)
      expect(late.heard).toEqual([])
    })

    it('tells of a silent line once, and lives through hostile packets', async () => {
      const c = await call({ inactivitySeconds: 1 })
      c.session.connect(remoteOf(c.peer))
      await c.peer.until(() => c.peer.heard.length >= 1)
      let state = 1
      for (let index = 0; index < 3000; index++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        const packet = Buffer.alloc(state % 200, state & 0xff)
        for (let at = 0; at < Math.min(16, packet.length); at++) packet[at] = (state >>> (at % 24)) ^ (at * 37)
        if (index % 2 === 0 && packet.length > 0) packet[0] = 0x80 | (packet[0]! & 0x3f)
        if (index % 3 === 0) c.peer.sendRtcp(packet, c.session.local.rtcpPort)
        else c.peer.send(packet, c.session.local.rtpPort)
      }
      await c.peer.until(() => c.inactive > 0)
      const more = c.peer.heard.length
      await c.peer.until(() => c.peer.heard.length > more + 60)
      expect(c.inactive).toBe(1)
      expect((await c.session.close()).received.refused).toBeGreaterThan(100)
    })

    it('can be closed in any state, more than once, and asked anything afterwards', async () => {
      const { session, peer } = await call()
      const [first, second] = [session.close(), session.close()]
      session.connect(remoteOf(peer))
      session.play(promptOf(SOUND))
      session.stopPlaying()
      expect(session.sendKeys('1')).toBe(false)
      expect(await second).toEqual(await first)
      expect((await session.statistics()).sent.packets).toBe(0)
    })
  })

  describe('ports', () => {
    it('that are busy are set aside, and the address must be ours', async () => {
      const small = createMediaEngine({
        clock: systemClock,
        log: { info: () => undefined, warn: () => undefined },
        ports: { first: firstPort + 300, last: firstPort + 303 },
        workers: 1,
        sockets,
      })
      onTestFinished(() => small.close())
      const taken = createSocket('udp4').bind(firstPort + 301, '127.0.0.1')
      onTestFinished(() => void taken.close())
      await once(taken, 'listening')
      const options = { bindAddress: '127.0.0.1', srtp: false, inactivitySeconds: 5 }
      const session = await small.open(options, {})
      expect(session.local.rtpPort).toBe(firstPort + 302)
      await expect(small.open(options, {})).rejects.toMatchObject({ fault: 'no-free-port' })
      expect(small.figures()).toMatchObject({ sessions: 1, portPairsFree: 0, portPairsBusy: 1 })
      await session.close()
      expect(small.figures()).toMatchObject({ sessions: 0, portPairsFree: 1 })
      const foreign = { ...options, bindAddress: '192.0.2.1' }
      await expect(engine.open(foreign, {})).rejects.toMatchObject({ fault: 'address-not-available' })
    })
  })
}
