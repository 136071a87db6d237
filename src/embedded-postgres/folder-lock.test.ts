import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockFolder } from './folder-lock.ts'

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-lock-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'postgres', 'lock')
}

test("a held folder is refused with the holder's process id, and free after its release", async () => {
  const folder = temporaryFolder()
  const first = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toThrow(
    new RegExp(`process ${process.pid}.* uses the folder ${path.dirname(folder)}`),
  )
  await first.release()
  const second = await lockFolder(folder)
  await second.release()
  expect(fs.readdirSync(folder)).toEqual([])
})

test.runIf(process.platform === 'linux')("works in a folder whose path is longer than a socket's may be", async () => {
  const folder = path.join(temporaryFolder(), 'x'.repeat(200))
  const first = await lockFolder(folder)
  onTestFinished(() => first.release())
  await expect(lockFolder(folder)).rejects.toThrow(/Another Carillon/)
})

test('of many contenders exactly one wins, round after round', async () => {
  const folder = temporaryFolder()
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => lockFolder(folder)))
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(winners).toHaveLength(1)
    await winners[0]!.release()
  }
})

/** A process that listens under a lock's name; `answer` is what it says to who connects. */
async function otherProcess(folder: string, answer: string) {
  fs.mkdirSync(folder, { recursive: true })
  const code = `require('net').createServer((s) => s.end(${JSON.stringify(answer)}))
    .listen(${JSON.stringify(path.join(folder, 'lock-000000000000'))}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return child
}

test('the leftover of a killed process does not count and is removed', async () => {
  const folder = temporaryFolder()
  const child = await otherProcess(folder, 'held 4711\n')
  await expect(lockFolder(folder)).rejects.toThrow(/process 4711/)
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
  expect(fs.readdirSync(folder)).toEqual(['lock-000000000000'])
  const lock = await lockFolder(folder)
  expect(fs.readdirSync(folder)).not.toContain('lock-000000000000')
  await lock.release()
})

test('a stopped process still holds its folder', async () => {
  const folder = temporaryFolder()
  const child = await otherProcess(folder, 'held 4711\n')
  child.kill('SIGSTOP')
  await expect(lockFolder(folder)).rejects.toThrow(/Another Carillon uses the folder/)
})

test('a process that ends while it is asked is not taken for the holder', async () => {
  const folder = temporaryFolder()
  fs.mkdirSync(folder, { recursive: true })
  // Takes the first connection, says nothing and is gone, as a process that ends at that moment.
  const server = net.createServer((socket) => {
    server.close()
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(path.join(folder, 'lock-000000000000'), resolve))
  const lock = await lockFolder(folder)
  await lock.release()
})
