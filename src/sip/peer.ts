import { hostPort } from './addresses.ts'

export type TransportName = 'udp' | 'tcp' | 'tls'

/** Where messages go: an IP address, never a name, so that nothing is resolved between two messages of a call. */
export interface Peer {
  readonly transport: TransportName
  readonly address: string
  readonly port: number
  /** The name a TLS peer must prove to be; null: its address. */
  readonly serverName: string | null
}

/** The same text for the same peer. */
export function peerKey({ transport, address, port, serverName }: Peer): string {
  return `${transport} ${hostPort(address, port)} ${serverName ?? ''}`
}
