import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSecondsOfTree } from '../support/cpu-time.ts'

export interface RedisUnderTest {
  readonly socket: string
  cpuSeconds(): number
  stop(): Promise<void>
}

export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0
}

/** A Redis of its own on a socket, with its log on disk once a second: what BullMQ's own guide asks for. */
export async function startRedis(parentFolder: string): Promise<RedisUnderTest> {
  const folder = fs.mkdtempSync(path.join(parentFolder, 'redis-'))
  const socket = path.join(folder, 'socket')
  const settings = [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--dir',
    folder,
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
  ]
  const child: ChildProcess = spawn('redis-server', [...settings, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
    stdio: 'ignore',
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  for (let waitedMs = 0; !fs.existsSync(socket); waitedMs += 20) {
    if (waitedMs > 10_000) throw new Error('redis-server does not start')
    await delay(20)
  }
  return {
    socket,
    cpuSeconds: () => cpuSecondsOfTree(child.pid!),
    stop: async () => {
      process.removeListener('exit', kill)
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}
