import { z } from 'zod'
import type { VoiceChoice } from '../../voices/voices.ts'
import type { AgentKind } from '../agent.ts'
import { checkOpening, parseTemplate, renderSpeech, SPEECH_CHARS_MAX, type Template } from './speech.ts'

const key = z.string().regex(/^[0-9*#]$/, 'must be one key of 0-9, * or #')

const voice = z.strictObject({
  engine: z.enum(['flite', 'espeak-ng', 'command']).optional().describe('The program that speaks.'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][\w.+-]{0,63}$/, 'must be a name such as slt or en-gb')
    .optional()
    .describe('The program’s own word for a voice or a language: slt, en-gb, de.'),
  speed: z.number().min(0.5).max(2).optional().describe('1 is the usual speed, 2 is twice as fast.'),
})

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
    repeatKey: key
      .nullable()
      .default(null)
      .describe('Whoever presses this key hears the text again, five times at most.'),
    voice: voice.optional().describe('Who speaks; without it the voice of the installation.'),
    recording: z
      .string()
      .regex(/^[A-Za-z0-9_][\w.-]{0,95}\.wav$/i, 'must be the name of a WAV file, such as reminder.wav')
      .optional()
      .describe('A WAV file in the folder of recordings, played instead of speaking; `text` is then what it says.'),
  })
  .refine((settings) => settings.stopKey === null || settings.waitForKeySeconds > 0, {
    path: ['waitForKeySeconds'],
    message: 'must be above 0 when there is a stopKey: nobody could press it otherwise',
  })
  .refine((settings) => settings.repeatKey === null || settings.waitForKeySeconds > 0, {
    path: ['waitForKeySeconds'],
    message: 'must be above 0 when there is a repeatKey: nobody could press it otherwise',
  })
  .refine((settings) => settings.repeatKey === null || settings.repeatKey !== settings.stopKey, {
    path: ['repeatKey'],
    message: 'must be another key than the stopKey',
  })
export type AnnouncementSettings = z.infer<typeof announcementSettings>

/** Read once for all calls of an agent, as long as a node remembers its settings. */
const templates = new WeakMap<AnnouncementSettings, Template>()

function templateOf(settings: AnnouncementSettings): Template {
  let template = templates.get(settings)
  if (template === undefined) {
    template = parseTemplate(settings.text)
    templates.set(settings, template)
  }
  return template
}

/** The embedded default: speaks one text with the recipient's variables, may take a key press, and hangs up. */
export const announcement: AgentKind<AnnouncementSettings> = {
  kind: 'announcement',
  summary: 'Speaks a text with the recipient’s variables and can take a key press',
  settings: announcementSettings,
  speech(settings, variables) {
    const { text, waitForKeySeconds, repeatKey, stopKey, voice: choice, recording } = settings
    return {
      text: text.includes('{') ? renderSpeech(templateOf(settings), variables()).text : text,
      waitForKeySeconds,
      // Stored settings of an earlier version may lack what came later.
      ...(repeatKey ? { repeatKey } : {}),
      ...(stopKey ? { stopKey } : {}),
      ...(choice ? { voice: choice as VoiceChoice } : {}),
      ...(recording ? { recording } : {}),
    }
  },
  warnings(settings) {
    const opening = checkOpening(settings.text)
    return opening === null ? [] : [opening]
  },
  stopKey: (settings) => settings.stopKey,
}
