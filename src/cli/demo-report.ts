import { CsvReader } from '../csv/csv-reader.ts'
import { maskNumber } from '../model/phone-number.ts'
import type { ApiClient } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { durationText } from './durations.ts'
import { outcomesInOrder, paintOutcome } from './outcome-style.ts'
import { harmless, type Style } from './terminal.ts'

/** What the report reads of a recipient. */
export interface RecipientDocument {
  readonly id: string
  readonly number: string
  readonly outcome: string | null
  readonly causeText: string
  readonly attempts: number
  readonly talkSeconds: number
  readonly keysPressed: string | null
  readonly variables: Readonly<Record<string, unknown>>
}

interface RecipientDetail {
  readonly attempts: readonly { readonly spokenText: string | null }[]
}

const STOP_KEY = '9'

/** Endings that say most about what happens on a real network, and what is remarkable about each. */
const EXAMPLES: readonly { readonly wanted: (recipient: RecipientDocument) => boolean; readonly remark: string }[] = [
  { wanted: ({ keysPressed }) => keysPressed === '1', remark: 'pressed 1: coming' },
  {
    wanted: ({ keysPressed }) => keysPressed === STOP_KEY,
    remark: 'pressed 9: on the suppression list now, for all batches',
  },
  { wanted: ({ outcome }) => outcome === 'voicemail', remark: 'a machine took the call' },
  { wanted: ({ outcome }) => outcome === 'busy', remark: 'busy; a retry rule would try again later' },
  {
    wanted: ({ number }) => number.endsWith('97'),
    remark: "the network's answer got lost on the way; not dialled again",
  },
]

/** A few calls: who was called, what they heard, what they pressed. Numbers are masked. */
export async function exampleLines(
  client: ApiClient,
  recipients: readonly RecipientDocument[],
  task: { readonly batchId: string; readonly style: Style },
): Promise<string[]> {
  const { paint, columns } = task.style
  const lines: string[] = []
  for (const { wanted, remark } of EXAMPLES) {
    const recipient = recipients.find(wanted)
    if (recipient === undefined) continue
    const detail = await client.get<RecipientDetail>(`/batches/${task.batchId}/recipients/${recipient.id}`)
    const name = harmless(`${recipient.variables.first_name} ${recipient.variables.last_name}`)
    const outcome = paintOutcome(recipient.outcome ?? '', recipient.outcome ?? '', paint)
    lines.push(`  ${paint.bold(name.padEnd(20))} ${maskNumber(recipient.number)}  ${outcome}`)
    const heard = detail.attempts.at(-1)?.spokenText
    if (heard)
      lines.push(...folded(`heard: "${harmless(heard)}"`, columns - 6).map((line) => `      ${paint.dim(line)}`))
    lines.push(`      ${remark}`)
  }
  return lines
}

/** A text in lines of at most `width` characters, broken between words. */
export function folded(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

export interface Proof {
  readonly claim: string
  readonly holds: boolean
}

/** What is on file for each person. */
export interface PersonOnFile {
  readonly number: string
  readonly outcome: string
  readonly attempts: number
}

/** Compares the figures of the server with a count of the rows of its result file, and that with who was to be called. */
export function proofsOf(
  batch: Pick<BatchDocument, 'figures'>,
  rows: readonly PersonOnFile[],
  people: readonly { readonly number: string }[],
): Proof[] {
  const recount: Record<string, number> = {}
  for (const { outcome } of rows) recount[outcome] = (recount[outcome] ?? 0) + 1
  const shown = batch.figures.outcomes as Readonly<Record<string, number>>
  const words = new Set([...Object.keys(recount), ...outcomesInOrder(shown).map(({ outcome }) => outcome)])
  const differing = [...words].filter((word) => (recount[word] ?? 0) !== (shown[word] ?? 0))
  const numbers = new Set(rows.map(({ number }) => number))
  const missing = people.filter(({ number }) => !numbers.has(number))
  const dials = rows.reduce((sum, { attempts }) => sum + attempts, 0)
  const twice = rows.filter(({ attempts }) => attempts > 1)
  const everyone = missing.length === 0 && rows.length === people.length && numbers.size === people.length
  return [
    {
      claim: everyone ? `all ${people.length} people have an outcome` : `${missing.length} people have no outcome`,
      holds: everyone,
    },
    {
      claim: twice.length === 0 ? 'nobody was called twice' : `${twice.length} people were called twice`,
      holds: twice.length === 0,
    },
    {
      claim:
        differing.length === 0
          ? `each counter equals a recount of results.csv, ${rows.length} rows`
          : `the counters of ${differing.join(', ')} differ from a recount`,
      holds: differing.length === 0 && batch.figures.settled === rows.length,
    },
    { claim: `${dials} calls on file, ${batch.figures.attempts} counted`, holds: dials === batch.figures.attempts },
  ]
}

/** The network outside of the server is the witness: it wrote down every request to place a call before it answered. */
export function networkProof(log: readonly Readonly<Record<string, unknown>>[], people: number): Proof {
  const asked = log.filter(({ what }) => what === 'create-request').map(({ to }) => String(to))
  const different = new Set(asked).size
  const holds = asked.length === people && different === people
  return {
    claim: `the network's own log: asked ${asked.length} times, to call ${different} numbers`,
    holds,
  }
}

/** Whoever pressed the stop key is on the list of people who are never called again, and nobody else is. */
export function stopProof(
  recipients: readonly Pick<RecipientDocument, 'number' | 'keysPressed'>[],
  suppressed: readonly { readonly number: string }[],
): Proof {
  const pressed = recipients.filter(({ keysPressed }) => keysPressed === STOP_KEY)
  const listed = new Set(suppressed.map(({ number }) => number))
  const holds = listed.size === pressed.length && pressed.every(({ number }) => listed.has(number))
  return { claim: `${pressed.length} people pressed 9, ${listed.size} numbers will not be called again`, holds }
}

/** The rows of a result file, as anybody with the file can count them. The file writes numbers without their plus. */
export function rowsOfResults(text: string): PersonOnFile[] {
  const records: string[][] = []
  const reader = new CsvReader({ onRecord: (fields) => void records.push(fields), chooseDelimiter: () => ',' })
  reader.push(text)
  reader.end()
  const [header = [], ...rows] = records
  const cell = (row: readonly string[], name: string): string => row[header.indexOf(name)] ?? ''
  return rows.map((row) => ({
    number: `+${cell(row, 'phone_number').replace(/\D/g, '')}`,
    outcome: cell(row, 'outcome'),
    attempts: Number(cell(row, 'attempts')),
  }))
}

export function proofLines(proofs: readonly Proof[], { paint }: Style): string[] {
  return proofs.map(({ claim, holds }) => `  ${holds ? paint.green('yes') : paint.red('NO ')}  ${claim}`)
}

export function tookText(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : durationText(seconds)
}
