import type { UdpSockets } from '../udp/udp-sockets.ts'
import type { MediaStatistics, RemoteMedia } from './media-engine.ts'
import type { Prompt } from './prompt.ts'

/** What a worker is started with. */
export interface WorkerData {
  readonly sockets: UdpSockets
  /** `high`: before all else on the machine, as far as the system lets us; `normal`: as everything. */
  readonly priority: 'high' | 'normal'
}

/** What became of it. */
export interface WorkerStart {
  readonly sockets: UdpSockets
  /** `real-time`: before everything that is not; `raised`: a larger share of a core than others; `normal`. */
  readonly priority: 'real-time' | 'raised' | 'normal'
}

/** What the main thread asks of a worker. `session` is a number that the main thread gives and never repeats. */
export type ToWorker =
  | ({ readonly do: 'open'; readonly session: number } & SessionOrder)
  | { readonly do: 'connect'; readonly session: number; readonly remote: RemoteMedia; readonly askedAtEpochMs: number }
  | {
      readonly do: 'play'
      readonly session: number
      readonly playing: number
      readonly prompt: Prompt
      readonly askedAtEpochMs: number
    }
  | { readonly do: 'stop-playing'; readonly session: number }
  | { readonly do: 'send-keys'; readonly session: number; readonly keys: string }
  | { readonly do: 'count'; readonly session: number }
  | { readonly do: 'close'; readonly session: number }
  /** All sessions are closed. */
  | { readonly do: 'end' }

export interface SessionOrder {
  readonly bindAddress: string
  readonly rtpPort: number
  readonly srtpKey: Uint8Array | null
  readonly inactivitySeconds: number
  readonly hear: boolean
}

export type FromWorker =
  /** The first that is told. */
  | ({ readonly tell: 'ready' } & WorkerStart)
  | { readonly tell: 'opened'; readonly session: number; readonly address: string }
  /** `code` is the system's: EADDRINUSE, EADDRNOTAVAIL, ... */
  | { readonly tell: 'open-failed'; readonly session: number; readonly code: string }
  | { readonly tell: 'started'; readonly session: number; readonly playing: number; readonly afterMs: number }
  | {
      readonly tell: 'ended'
      readonly session: number
      readonly playing: number
      readonly how: 'finished' | 'stopped'
    }
  | { readonly tell: 'key'; readonly session: number; readonly key: string }
  | { readonly tell: 'voice'; readonly session: number }
  | { readonly tell: 'inactive'; readonly session: number; readonly silentMs: number }
  | { readonly tell: 'sound'; readonly session: number; readonly samples: Int16Array }
  | { readonly tell: 'counted' | 'closed'; readonly session: number; readonly statistics: MediaStatistics }
