import type { BatchDocument, Figures } from './api-types.ts'
import { clockText, countText, durationText } from './durations.ts'
import { outcomesInOrder, paintOutcome } from './outcome-style.ts'
import type { PaceReading } from './pace.ts'
import { clip, harmless, type Paint, type Style, widthOf } from './terminal.ts'

/** All that the display shows; nothing else is asked while it is drawn. */
export interface LiveView {
  readonly batch: BatchDocument
  readonly pace: PaceReading
  readonly elapsedSeconds: number
  /** The time, for "next try in 4 s". */
  readonly nowEpochMs: number
  /** Set while the server does not answer: what went wrong. */
  readonly trouble?: string | undefined
}

const GAP = '   '

/**
 * The state of a batch as a few lines, none wider than the style allows: head, bar, outcomes, live calls and, while
 * people wait for something, what they wait for. The same view always gives the same lines.
 */
export function renderLive(view: LiveView, style: Style): string[] {
  return [
    headLine(view, style),
    barLine(view.batch.figures, style),
    ...outcomeLines(view.batch.figures, style),
    liveLine(view, style),
    ...waitingLines(view, style),
  ]
}

/** Whether nothing will happen any more. */
export function isOver(batch: Pick<BatchDocument, 'status' | 'figures'>): boolean {
  return (batch.status === 'completed' || batch.status === 'cancelled') && batch.figures.live === 0
}

function headLine({ batch, elapsedSeconds, pace }: LiveView, { columns, paint }: Style): string {
  const left = pace.secondsLeft !== null && batch.status === 'running' && pace.secondsLeft > 0
  const time = clockText(elapsedSeconds) + (left ? `, about ${durationText(pace.secondsLeft ?? 0)} left` : '')
  const room = columns - widthOf(time) - batch.status.length - 4
  const name = clip(harmless(batch.name), Math.max(8, room))
  const space = ' '.repeat(Math.max(2, columns - widthOf(name) - 2 - batch.status.length - widthOf(time)))
  return `${paint.bold(name)}  ${paintStatus(batch.status, paint)}${space}${time}`
}

function paintStatus(status: string, paint: Paint): string {
  if (status === 'running') return paint.cyan(status)
  if (status === 'completed') return paint.green(status)
  return paint.yellow(status)
}

function barLine(figures: Figures, style: Style): string {
  const { paint, unicode } = style
  const total = Math.max(figures.total, figures.settled)
  const percent = total === 0 ? 100 : Math.floor((100 * figures.settled) / total)
  const count = `${countText(figures.settled)} of ${countText(total)}`
  const tail = `  ${count}  ${String(percent).padStart(3)} %`
  const width = Math.max(10, style.columns - widthOf(tail))
  const settled = total === 0 ? width : Math.floor((width * figures.settled) / total)
  const live = total === 0 ? 0 : Math.min(width - settled, Math.ceil((width * figures.live) / total))
  const [full, half, empty] = unicode ? ['█', '▒', '░'] : ['#', '+', '.']
  const bar = paint.green(full.repeat(settled)) + paint.cyan(half.repeat(live))
  return bar + paint.dim(empty.repeat(width - settled - live)) + tail
}

function outcomeLines(figures: Figures, style: Style): string[] {
  const items = outcomesInOrder(figures.outcomes).map(
    ({ outcome, count }) => `${paintOutcome(outcome, outcome, style.paint)} ${style.paint.bold(countText(count))}`,
  )
  return items.length === 0 ? [style.paint.dim('no outcome yet')] : wrapped(items, style.columns)
}

/** Items side by side, in as many lines as they need. */
export function wrapped(items: readonly string[], columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const item of items) {
    const longer = line === '' ? item : line + GAP + item
    if (line !== '' && widthOf(longer) > columns) {
      lines.push(line)
      line = item
    } else line = longer
  }
  return line === '' ? lines : [...lines, line]
}

function liveLine({ batch, pace }: LiveView, { columns, paint }: Style): string {
  const { live, dialing, accepted, ringing, talking, waiting, due } = batch.figures
  const stages = [
    { count: dialing + accepted, word: 'dialing' },
    { count: ringing, word: 'ringing' },
    { count: talking, word: 'talking' },
  ].filter(({ count }) => count > 0)
  const parts = stages.map(({ count, word }) => `${countText(count)} ${word}`).join(', ')
  const calls = `${countText(live)} live${parts === '' ? '' : `: ${parts}`}`
  const queue = [
    waiting > 0 ? `${countText(waiting)} waiting` : '',
    due > 0 ? `${countText(due)} to be tried again` : '',
  ]
  const rate = pace.callsPerSecond === null || isOver(batch) ? '' : `${rateText(pace.callsPerSecond)} calls/s`
  return paint.dim(clip([calls, ...queue, rate].filter(Boolean).join(GAP), columns))
}

function rateText(perSecond: number): string {
  return perSecond >= 100 ? countText(Math.round(perSecond)) : perSecond.toFixed(1)
}

/** In line for a free line is how a batch runs; everything else that holds people back is said. */
function waitingLines({ batch, trouble, nowEpochMs }: LiveView, { columns, paint }: Style): string[] {
  if (trouble !== undefined) return [paint.yellow(clip(`${harmless(trouble)} Trying again.`, columns))]
  const reason = batch.waiting
  if (reason === null || reason === undefined || reason.reason === 'in-line' || isOver(batch)) return []
  const nextMs = reason.nextTryAt === null || reason.nextTryAt === undefined ? Number.NaN : Date.parse(reason.nextTryAt)
  const next = nextMs > nowEpochMs + 1000 ? ` Next try in ${durationText((nextMs - nowEpochMs) / 1000)}.` : ''
  const text = clip(harmless(reason.text), Math.max(8, columns - widthOf(next)))
  return [paint.yellow(text) + next]
}
