/** What a receiver of webhooks may do wrong, and what its log then seems to show of the product. */
export const SINK_MISCHIEFS = {
  'sink-forgets': 'the receiver of webhooks takes one in fifty without noting it: webhooks that are lost',
  'sink-swaps': 'the receiver notes ends of attempts ten seconds late: webhooks out of order',
  'sink-distrusts': 'the receiver verifies with another secret: signatures that are not valid',
} as const
export type SinkMischief = keyof typeof SINK_MISCHIEFS

export function isSinkMischief(text: string | undefined): text is SinkMischief {
  return text !== undefined && Object.hasOwn(SINK_MISCHIEFS, text)
}
