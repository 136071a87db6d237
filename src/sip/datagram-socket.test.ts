import { Socket } from 'node:dgram'
import { readdirSync, readlinkSync } from 'node:fs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { DatagramSocket } from './datagram-socket.ts'

interface Heard {
  readonly text: string
  readonly from: { readonly address: string; readonly port: number }
}

async function open(address: string, bySystem: boolean) {
  const heard: Heard[] = []
  const onMessage = (bytes: Buffer, from: Heard['from']) => void heard.push({ text: bytes.toString(), from })
  const socket = await DatagramSocket.open({ address, port: 0, bySystem, onMessage })
  onTestFinished(() => socket.close())
  return { socket, heard, at: { address, port: socket.port } }
}

/** Sockets that this process has open; those of Node close in the next turn. */
async function socketsOpen(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  const files = readdirSync('/proc/self/fd').map((file) => linkOf(`/proc/self/fd/${file}`))
  return files.filter((link) => link.startsWith('socket:')).length
}

/** The folder itself was a file when it was read. */
function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

describe.each([true, false])('a datagram socket, by system calls: %s', (bySystem) => {
  it.each(['127.0.0.1', '::1'])('sends, and hears all that came, once and in order, over %s', async (address) => {
    const [one, other] = [await open(address, bySystem), await open(address, bySystem)]
    const texts = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(index * 40)}`)
    for (const text of texts) one.socket.send(Buffer.from(text), other.at)
    await expect.poll(() => other.heard.length).toBe(texts.length)
    expect(other.heard.map(({ text }) => text)).toEqual(texts)
    expect(new Set(other.heard.map(({ from }) => `${from.address} ${from.port}`))).toEqual(
      new Set([`${address} ${one.at.port}`]),
    )
    other.socket.send(Buffer.from('back'), one.at)
    await expect.poll(() => one.heard.map(({ text }) => text)).toEqual(['back'])
  })

  it('refuses a port that is taken and an address that is not ours, and ignores what is sent after its end', async () => {
    const { at } = await open('127.0.0.1', bySystem)
    const again = { address: '127.0.0.1', port: at.port, bySystem, onMessage: () => undefined }
    await expect(DatagramSocket.open(again)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const foreign = { ...again, address: '192.0.2.1', port: 0 }
    await expect(DatagramSocket.open(foreign)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    const over = await DatagramSocket.open({ ...again, port: 0 })
    over.close()
    expect(() => over.send(Buffer.from('late'), at)).not.toThrow()
  })
  it.runIf(process.platform === 'linux')('leaves no socket open when it could not be had', async () => {
    const { at } = await open('127.0.0.1', bySystem)
    const again = { ...at, bySystem, onMessage: () => undefined }
    const before = await socketsOpen()
    for (let tries = 0; tries < 5; tries++) await expect(DatagramSocket.open(again)).rejects.toThrow('EADDRINUSE')
    vi.spyOn(Socket.prototype, 'bind').mockImplementation(() => {
      throw new Error('refused by Node')
    })
    onTestFinished(() => void vi.restoreAllMocks())
    for (let tries = 0; tries < 5; tries++) {
      await expect(DatagramSocket.open({ ...again, port: 0 })).rejects.toThrow('refused by Node')
    }
    expect(await socketsOpen()).toBe(before)
  })
})
