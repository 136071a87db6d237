import fs from 'node:fs'

/** Clock ticks a second in /proc, the same on every Linux that Node runs on. */
const TICKS = 100

/**
 * CPU seconds that a process and all its children have used so far, ended children included. NaN where there is no
 * /proc to read it from.
 */
export function cpuSecondsOfTree(pid: number): number {
  const root = readStat(pid)
  if (root === null) return Number.NaN
  let ticks = root.own + root.endedChildren
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readStat(Number(name))
    if (stat?.parent === pid) ticks += stat.own
  }
  return ticks / TICKS
}

/** How long threads of a process were ready to run and waited for a core so far; NaN where Linux does not tell. */
export function secondsWaitedForCore(pid: number): number {
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`)
    const waitedOf = (thread: string) =>
      Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[1])
    return threads.reduce((sum, thread) => sum + waitedOf(thread), 0) / 1e9
  } catch {
    return Number.NaN
  }
}

function readStat(pid: number): { parent: number; own: number; endedChildren: number } | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; fields are counted from behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const number = (at: number) => Number(fields[at])
    return { parent: number(1), own: number(11) + number(12), endedChildren: number(13) + number(14) }
  } catch {
    return null
  }
}
