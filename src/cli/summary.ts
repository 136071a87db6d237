import type { Figures } from './api-types.ts'
import { countText, durationText } from './durations.ts'
import { meaningOf, outcomesInOrder, paintOutcome } from './outcome-style.ts'
import { clip, type Style } from './terminal.ts'

const BAR_WIDTH = 18

/** How a batch ended, an outcome a line with its share, and what it took. */
export function summaryLines(figures: Figures, style: Style): string[] {
  const counts = outcomesInOrder(figures.outcomes)
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  const most = Math.max(1, ...counts.map(({ count }) => count))
  const nameWidth = Math.max(9, ...counts.map(({ outcome }) => outcome.length))
  const countWidth = Math.max(4, ...counts.map(({ count }) => countText(count).length))
  const lines = counts.map(({ outcome, count }) => {
    const filled = Math.max(1, Math.round((BAR_WIDTH * count) / most))
    const bar = (style.unicode ? '█' : '#').repeat(filled) + ' '.repeat(BAR_WIDTH - filled)
    const share = `${((100 * count) / Math.max(1, total)).toFixed(1).padStart(5)} %`
    const head = `  ${outcome.padEnd(nameWidth)} ${countText(count).padStart(countWidth)} `
    const room = style.columns - head.length - BAR_WIDTH - share.length - 3
    const meaning = style.paint.dim(clip(meaningOf(outcome), Math.max(0, room)))
    return `${head} ${paintOutcome(outcome, bar, style.paint)}${share}  ${meaning}`.trimEnd()
  })
  const talk = figures.talkSeconds > 0 ? `, ${durationText(figures.talkSeconds)} of talk` : ''
  return [...lines, style.paint.dim(`  ${countText(total)} people, ${countText(figures.attempts)} calls${talk}`)]
}
