import fs from 'node:fs'
import path from 'node:path'
import { round } from '../support/statistics.ts'

/** Time spent in one function itself, not in what it calls. */
export interface FunctionTime {
  readonly where: string
  readonly usPerCall: number
  readonly percent: number
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Self times of all profiles of a folder together, idle time left out, longest first. */
export function readCpuProfiles(folder: string, lifecycles: number): FunctionTime[] {
  const micros = new Map<string, number>()
  for (const name of fs.readdirSync(folder)) {
    const profile = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as CpuProfile
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
    profile.samples.forEach((id, at) => {
      const { functionName, url, lineNumber } = nodes.get(id)!.callFrame
      if (functionName === '(idle)' || functionName === '(program)') return
      const file = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
      const where = `${functionName || '(anonymous)'}${file}`
      micros.set(where, (micros.get(where) ?? 0) + profile.timeDeltas[at]!)
    })
  }
  const total = [...micros.values()].reduce((sum, each) => sum + each, 0)
  return [...micros]
    .sort((a, b) => b[1] - a[1])
    .map(([where, each]) => ({
      where,
      usPerCall: round(each / lifecycles, 3),
      percent: round((100 * each) / total, 1),
    }))
}
