import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say } from '../support/progress.ts'
import { startServerUnderTest } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { runEngine } from './run.ts'
import { standardRun } from './sizes.ts'

/**
 * The server explains every statement of a real run, with the times of each node of its plan. Taking these times makes
 * a statement up to twice as slow: read them as shares.
 */
const EXPLAIN_SETTINGS = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_timing': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_wal': 'on',
  'auto_explain.log_triggers': 'on',
  'auto_explain.log_format': 'json',
  'auto_explain.log_parameter_max_length': '0',
}

/** Statements are told apart by words that only they have. */
const STATEMENTS: readonly (readonly [name: string, mark: RegExp])[] = [
  ['claim_cursor', /INSERT INTO live_call[\s\S]*UPDATE lane l SET next_seq/],
  ['claim_due', /INSERT INTO live_call[\s\S]*DELETE FROM due d USING c/],
  ['end_rows', /DELETE FROM live_call l WHERE/],
  ['progress_rows', /UPDATE live_call l SET \(state/],
  ['call_figures', /UPDATE batch_state b SET due = b\.due \+ f\.due/],
  ['lane_states', /^SELECT l\.batch_id, l\.lane, CASE/],
  ['trunk_states', /^SELECT ts\.trunk_id, ts\.live_max/],
  ['gate', /FROM gate WHERE organization_id = \$1::int FOR UPDATE/],
]

interface PlanNode {
  readonly 'Node Type': string
  readonly Operation?: string
  readonly 'Relation Name'?: string
  readonly 'CTE Name'?: string
  readonly 'Function Name'?: string
  readonly 'Index Name'?: string
  readonly 'Subplan Name'?: string
  readonly 'Actual Total Time': number
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Shared Hit Blocks'?: number
  readonly 'WAL Bytes'?: number
  readonly Plans?: readonly PlanNode[]
}

interface Explained {
  readonly 'Query Text': string
  readonly Plan: PlanNode
  readonly Triggers?: readonly { readonly 'Trigger Name': string; readonly Time: number }[]
}

interface NodeTotals {
  readonly label: string
  readonly depth: number
  selfMs: number
  rows: number
  hits: number
  walBytes: number
}

interface StatementTotals {
  count: number
  ms: number
  readonly nodes: Map<string, NodeTotals>
}

/** Prints for each hot statement the tree of its plan with the time each node took itself. */
export async function explainStatements(options: BenchOptions): Promise<void> {
  const settings = { ...EXPLAIN_SETTINGS, ...options.postgresSettings }
  const server = await startServerUnderTest({ parentFolder: options.folder, settings })
  try {
    const machine = describeMachine(server.folder)
    const totals = new Map<string, StatementTotals>()
    const reader = new PlanReader((explained) => addPlan(totals, explained))
    const result = await runEngine(server, standardRun(options), {
      onStart: async () => server.listen((line) => reader.push(line)),
    })
    reader.end()
    for (const [name, statement] of [...totals].sort((a, b) => b[1].ms - a[1].ms)) {
      printStatement(name, statement, result.lifecycles)
    }
    const statements = [...totals].map(([name, { count, ms }]) => ({
      name,
      count,
      usPerCall: round((ms * 1000) / result.lifecycles, 2),
    }))
    // A mark that finds nothing any more would hide a statement. Nothing is due in this run.
    const unseen = STATEMENTS.map(([name]) => name).filter((name) => name !== 'claim_due' && !totals.has(name))
    const broken = [...result.broken, ...unseen.map((name) => `no plan of ${name} was seen`)]
    const findings = { bench: 'engine-explain', machine, postgres: server.version, ...result, statements, broken }
    conclude(findings, options.save)
  } finally {
    await server.stop()
  }
}

/** Puts the JSON together again that the server's log brings line by line. */
class PlanReader {
  readonly #onPlan: (explained: Explained) => void
  #lines: string[] | null = null

  constructor(onPlan: (explained: Explained) => void) {
    this.#onPlan = onPlan
  }

  push(line: string): void {
    if (/^\w+: /.test(line)) {
      this.end()
      if (/duration: [\d.]+ ms +plan:/.test(line)) this.#lines = []
    } else this.#lines?.push(line)
  }

  end(): void {
    const text = this.#lines?.join('\n')
    this.#lines = null
    if (text === undefined) return
    try {
      this.#onPlan(JSON.parse(text) as Explained)
    } catch {
      say('a plan could not be read')
    }
  }
}

function addPlan(totals: Map<string, StatementTotals>, explained: Explained): void {
  const name = STATEMENTS.find(([, mark]) => mark.test(explained['Query Text']))?.[0]
  if (name === undefined) return
  const statement = totals.get(name) ?? { count: 0, ms: 0, nodes: new Map<string, NodeTotals>() }
  totals.set(name, statement)
  statement.count += 1
  statement.ms += explained.Plan['Actual Total Time']
  addNode(statement.nodes, explained.Plan, { path: '', depth: 0, own: ownTimes(explained.Plan) })
}

function addNode(
  nodes: Map<string, NodeTotals>,
  node: PlanNode,
  at: { path: string; depth: number; own: OwnTimes },
): void {
  const label = labelOf(node)
  const path = `${at.path}/${label}`
  const children = node.Plans ?? []
  const of = (key: 'Shared Hit Blocks' | 'WAL Bytes') =>
    (node[key] ?? 0) - children.reduce((sum, child) => sum + (child[key] ?? 0), 0)
  const total = nodes.get(path) ?? { label, depth: at.depth, selfMs: 0, rows: 0, hits: 0, walBytes: 0 }
  total.selfMs += at.own.get(node) ?? 0
  total.rows += node['Actual Rows'] * node['Actual Loops']
  total.hits += of('Shared Hit Blocks')
  total.walBytes += of('WAL Bytes')
  nodes.set(path, total)
  for (const [place, child] of children.entries()) {
    addNode(nodes, child, { path: `${path}#${place}`, depth: at.depth + 1, own: at.own })
  }
}

type OwnTimes = ReadonlyMap<PlanNode, number>

/**
 * The time that each node took itself. A CTE and an InitPlan hang below one node and run inside another: the time of
 * a CTE is taken off the scan of it that took longest, that of an InitPlan off its longest sibling.
 */
function ownTimes(root: PlanNode): OwnTimes {
  const own = new Map<PlanNode, number>()
  const cteTimes = new Map<string, number>()
  const scans = new Map<string, PlanNode[]>()
  const timeOf = (node: PlanNode) => node['Actual Total Time'] * node['Actual Loops']
  const takeOff = (candidates: readonly PlanNode[], time: number) => {
    const longest = [...candidates].sort((a, b) => timeOf(b) - timeOf(a))[0]
    if (longest) own.set(longest, (own.get(longest) ?? timeOf(longest)) - time)
  }
  const visit = (node: PlanNode) => {
    const children = node.Plans ?? []
    const elsewhere = (child: PlanNode) => /^(CTE|InitPlan) /.test(child['Subplan Name'] ?? '')
    const inside = children.filter((child) => !elsewhere(child))
    own.set(node, (own.get(node) ?? timeOf(node)) - inside.reduce((sum, child) => sum + timeOf(child), 0))
    for (const child of children) {
      const subplan = child['Subplan Name'] ?? ''
      if (subplan.startsWith('CTE ')) cteTimes.set(subplan.slice(4), timeOf(child))
      if (subplan.startsWith('InitPlan ')) takeOff(inside.length > 0 ? inside : [node], timeOf(child))
      visit(child)
    }
    const cte = node['CTE Name']
    if (cte !== undefined) scans.set(cte, [...(scans.get(cte) ?? []), node])
  }
  visit(root)
  for (const [cte, readers] of scans) takeOff(readers, cteTimes.get(cte) ?? 0)
  return own
}

function labelOf(node: PlanNode): string {
  const target = node['Relation Name'] ?? node['CTE Name'] ?? node['Function Name']
  const parts = [node['Subplan Name'], node.Operation, node['Node Type'], target, node['Index Name']]
  return parts.filter((part) => part !== undefined).join(' ')
}

function printStatement(name: string, { count, ms, nodes }: StatementTotals, lifecycles: number): void {
  say(`\n${name}: ${count} times, ${round(ms)} ms, ${round((ms * 1000) / lifecycles, 2)} µs a call`)
  say('  self µs/call   rows/call  pages/call   WAL B/call')
  for (const { label, depth, selfMs, rows, hits, walBytes } of nodes.values()) {
    const per = (value: number, digits: number) => (value / lifecycles).toFixed(digits)
    const cells = [per(selfMs * 1000, 2).padStart(14), per(rows, 2).padStart(12), per(hits, 2).padStart(12)]
    say(`${cells.join('')}${per(walBytes, 0).padStart(13)}  ${'  '.repeat(depth)}${label}`)
  }
}
