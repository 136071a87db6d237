import { z } from 'zod'
import type { AgentKind } from '../agent.ts'
import { renderSpeech, SPEECH_CHARS_MAX } from './speech.ts'

const key = z.string().regex(/^[0-9*#]$/, 'must be one key of 0-9, * or #')

/** What an announcement says, and what it does with the keys a person presses. */
export const announcementSettings = z
  .strictObject({
    text: z
      .string()
      .min(1)
      .max(SPEECH_CHARS_MAX)
      .describe('What is spoken after the answer. {name} or {{name}} stands for a variable of the recipient.'),
    waitForKeySeconds: z
      .number()
      .min(0)
      .max(60)
      .default(0)
      .describe('How long to wait for a key after the text; 0 hangs up at once.'),
    stopKey: key
      .nullable()
      .default(null)
      .describe('Whoever presses this key is put on the suppression list and never called again.'),
  })
  .refine((settings) => settings.stopKey === null || settings.waitForKeySeconds > 0, {
    path: ['waitForKeySeconds'],
    message: 'must be above 0 when there is a stopKey: nobody could press it otherwise',
  })
export type AnnouncementSettings = z.infer<typeof announcementSettings>

/** The embedded default: speaks one text with the recipient's variables, may take a key press, and hangs up. */
export const announcement: AgentKind<AnnouncementSettings> = {
  kind: 'announcement',
  summary: 'Speaks a text with the recipient’s variables and can take a key press',
  settings: announcementSettings,
  speech({ text, waitForKeySeconds }, variables) {
    return { text: text.includes('{') ? renderSpeech(text, variables()).text : text, waitForKeySeconds }
  },
  stopKey: (settings) => settings.stopKey,
}
