import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import type { VoiceCommand } from './run-voice.ts'
import type { VoiceChoice } from './voices.ts'

/** The programs that can speak here. Nothing of them is part of the product: each is run when it is installed. */
export interface InstalledVoices {
  readonly flite: string | null
  readonly espeak: string | null
  /** What `CARILLON_VOICE_COMMAND` names, split at spaces. */
  readonly command: readonly string[] | null
}

/** Looks on the path once. */
export function findVoices(searchPath: string, command: readonly string[] | null): InstalledVoices {
  return { flite: findProgram('flite', searchPath), espeak: findProgram('espeak-ng', searchPath), command }
}

function findProgram(name: string, searchPath: string): string | null {
  for (const folder of searchPath.split(path.delimiter)) {
    if (folder === '') continue
    const candidate = path.join(folder, name)
    try {
      accessSync(candidate, constants.X_OK)
      return candidate
    } catch {
      // Not in this folder.
    }
  }
  return null
}

/** Why a text cannot be spoken here; the message is for people. */
export class NoVoiceError extends Error {
  override readonly name = 'NoVoiceError'
}

/** `$0` is the program, `$@` its arguments; the folder is for this user alone and gone at the end. */
const FLITE_SCRIPT =
  'folder=$(mktemp -d) || exit 1; trap \'rm -rf "$folder"\' EXIT; cat | "$0" "$@" -o "$folder/sound.wav" >/dev/null && cat "$folder/sound.wav"'
const ESPEAK_WORDS_PER_MINUTE = 160
/** Letters that decompose into none of ASCII; flite knows English only. */
const LATIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  æ: 'ae',
  Æ: 'Ae',
  œ: 'oe',
  Œ: 'Oe',
  þ: 'th',
  Þ: 'Th',
  ð: 'd',
  Ð: 'D',
  ı: 'i',
}

/**
 * The command that speaks a text. Without a choice: the named command when there is one, else flite for texts in Latin
 * letters, else espeak-ng. The same choice and text always give the same command.
 *
 * @throws NoVoiceError when no installed voice can.
 */
export function commandFor(text: string, choice: VoiceChoice, installed: InstalledVoices): VoiceCommand {
  const latin = !/\p{L}/u.test(text.replace(/\p{Script=Latin}/gu, ''))
  const engine = choice.engine ?? usualEngine(latin, installed)
  if (engine === 'command' && installed.command) return namedCommand(text, choice, installed.command)
  if (engine === 'flite' && installed.flite) {
    if (!latin) throw new NoVoiceError('flite speaks Latin letters only; install espeak-ng or name a voice command')
    return fliteCommand(text, choice, installed.flite)
  }
  if (engine === 'espeak-ng' && installed.espeak) return espeakCommand(text, choice, installed.espeak)
  throw new NoVoiceError(
    engine === null
      ? 'No voice is installed: install flite or espeak-ng, or set CARILLON_VOICE_COMMAND'
      : `The voice ${engine} is not installed here`,
  )
}

function usualEngine(latin: boolean, installed: InstalledVoices): string | null {
  if (installed.command) return 'command'
  if (installed.flite && latin) return 'flite'
  if (installed.espeak) return 'espeak-ng'
  return installed.flite ? 'flite' : null
}

function fliteCommand(text: string, { name, speed }: VoiceChoice, program: string): VoiceCommand {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{ASCII}]/gu, (letter) => LATIN[letter] ?? ' ')
  const args = ['-voice', name ?? 'slt', '-f', '/dev/stdin']
  if (speed !== undefined) args.push('--setf', `duration_stretch=${(1 / speed).toFixed(3)}`)
  // It opens files by name only, and goes back in what it writes: a pipe serves for the text, but the sound must be a file.
  return { program: '/bin/sh', args: ['-c', FLITE_SCRIPT, program, ...args], input: plain }
}

function espeakCommand(text: string, { name, speed }: VoiceChoice, program: string): VoiceCommand {
  const wordsPerMinute = Math.round(ESPEAK_WORDS_PER_MINUTE * (speed ?? 1))
  return {
    program,
    args: ['--stdin', '--stdout', '-b', '1', '-v', name ?? 'en', '-s', `${wordsPerMinute}`],
    input: text,
  }
}

/** `{voice}` and `{speed}` in its arguments stand for the agent's choice. */
function namedCommand(text: string, { name, speed }: VoiceChoice, command: readonly string[]): VoiceCommand {
  const [program = '', ...rest] = command
  const args = rest.map((arg) => arg.replaceAll('{voice}', name ?? 'default').replaceAll('{speed}', `${speed ?? 1}`))
  return { program, args, input: text }
}
