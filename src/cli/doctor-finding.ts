/** One thing that was looked at. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'bad'
  readonly check: string
  readonly text: string
  readonly remedy?: string
}

export type Environment = Readonly<Record<string, string | undefined>>
