import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './sipp.ts'

export interface Baresip {
  readonly port: number
  /** Port for TLS. */
  readonly tlsPort: number
  /** Everything it said. */
  said(): string
  stop(): Promise<void>
}

export interface BaresipOptions {
  /** `echo` answers and gives back what it hears; `ring` never answers. */
  readonly behaviour: 'echo' | 'ring'
  /** Certificate and key in one PEM, for TLS with SRTP that must be there. */
  readonly certificate?: string
}

/** A softphone that others wrote. It puts the address of a real interface into its descriptions, as telephones do. */
export async function startBaresip({ behaviour, certificate }: BaresipOptions): Promise<Baresip> {
  const folder = await mkdtemp(path.join(tmpdir(), 'carillon-baresip-'))
  const port = await freePort()
  const control = await freePort()
  const encrypted = certificate === undefined ? '' : ';mediaenc=srtp-mand'
  await writeFile(
    path.join(folder, 'accounts'),
    `<sip:+14155550142@127.0.0.1:${port}>;regint=0;audio_codecs=PCMU/8000,PCMA/8000${encrypted}\n`,
  )
  if (certificate !== undefined) await writeFile(path.join(folder, 'both.pem'), certificate)
  await writeFile(path.join(folder, 'config'), configOf({ port, control, behaviour, folder, certificate }))
  // It keeps what it says to itself while nobody types, unless its output is not buffered.
  const child = spawn('stdbuf', ['-o0', 'baresip', '-f', folder, '-v'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const exited = once(child, 'exit')
  for (let tries = 0; !said.includes('baresip is ready'); tries++) {
    if (tries > 500 || child.exitCode !== null) {
      child.kill('SIGKILL')
      throw new Error(`baresip did not start: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    port,
    tlsPort: port + 1,
    said: () => said,
    async stop() {
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function configOf(options: {
  port: number
  control: number
  behaviour: string
  folder: string
  certificate: string | undefined
}): string {
  const { port, control, behaviour, folder, certificate } = options
  return [
    'poll_method epoll',
    `sip_listen 127.0.0.1:${port}`,
    ...(certificate === undefined ? [] : [`sip_certificate ${path.join(folder, 'both.pem')}`]),
    'call_local_timeout 120',
    'call_max_calls 10',
    'audio_player aubridge,loop',
    'audio_source aubridge,loop',
    'audio_alert aubridge,loop',
    'rtp_ports 42000-43999',
    'jitter_buffer_delay 1-5',
    'module_path /usr/lib/baresip/modules',
    'module g711.so',
    'module aubridge.so',
    'module srtp.so',
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    `ctrl_tcp_listen 127.0.0.1:${control}`,
    ...(behaviour === 'echo' ? ['module_app echo.so'] : []),
    '',
  ].join('\n')
}
