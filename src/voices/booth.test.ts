import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bestCorrelation, soundOf } from '../../test/media/sound.ts'
import { systemClock } from '../clock.ts'
import { loadConfig } from '../config.ts'
import { decodeG711 } from '../media/g711.ts'
import type { Prompt } from '../media/prompt.ts'
import { createVoices, type VoicesOptions } from './booth.ts'
import { findVoices } from './voice-engines.ts'
import { writeWav } from './wav.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'carillon-voices-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function voices(command: readonly string[] | null, changes: Partial<VoicesOptions> = {}) {
  return createVoices({
    clock: systemClock,
    log: { warn: () => undefined },
    installed: { flite: null, espeak: null, command },
    cacheFolder: path.join(folder, 'cache'),
    cacheBytesMax: 1_000_000,
    recordingsFolder: folder,
    renderingsMax: 2,
    ...changes,
  })
}

/** A voice that counts how often it ran and speaks a sound that is known. */
async function countingVoice(sound: Int16Array): Promise<{ command: string[]; runs: () => Promise<number> }> {
  await writeFile(path.join(folder, 'sound.wav'), writeWav(sound, 8000))
  const script = path.join(folder, 'voice.sh')
  await writeFile(
    script,
    `#!/bin/sh\necho ran >> ${folder}/runs\nsleep 0.1\ncat > /dev/null\ncat ${folder}/sound.wav\n`,
  )
  await chmod(script, 0o755)
  const runs = async () => (await readFile(path.join(folder, 'runs'), 'utf8').catch(() => '')).split('\n').length - 1
  return { command: [script], runs }
}

function heard(prompt: Prompt): Int16Array {
  const samples = new Int16Array(prompt.samples.PCMU.length)
  decodeG711('PCMU', prompt.samples.PCMU, samples)
  return samples
}

describe('voices', () => {
  it('render a text once, however many ask, and once for all processes', async () => {
    const sound = soundOf(3, 1)
    const { command, runs } = await countingVoice(sound)
    const booth = voices(command)
    const prompts = await Promise.all([1, 2, 3].map(() => booth.prepare({ text: 'Hello Ada' }, 5000)))
    expect(await runs()).toBe(1)
    expect(prompts[0]!.durationMs).toBe(1000)
    expect(bestCorrelation(sound, heard(prompts[0]!), 0)).toBeGreaterThan(0.999)
    const again = await voices(command).prepare({ text: 'Hello Ada' }, 5000)
    expect(await runs()).toBe(1)
    expect(bestCorrelation(sound, heard(again), 0)).toBeGreaterThan(0.999)
    await booth.prepare({ text: 'Hello Bob' }, 5000)
    expect(await runs()).toBe(2)
  })

  it('keep files for the server’s user alone, named by nothing that was said, up to a limit', async () => {
    const { command } = await countingVoice(soundOf(3, 1))
    const booth = voices(command, { cacheBytesMax: 50_000 })
    for (const name of ['Ada', 'Bob', 'Cid', 'Dan', 'Eve']) await booth.prepare({ text: `Hello ${name}` }, 5000)
    const cache = path.join(folder, 'cache')
    const files = await readdir(cache)
    expect(files).toHaveLength(3)
    for (const file of files) {
      expect(file).toMatch(/^[0-9a-f]{64}\.wav$/)
      expect((await stat(path.join(cache, file))).mode & 0o077).toBe(0)
    }
    expect((await stat(cache)).mode & 0o077).toBe(0)
  })

  it('are asked again when they take too long, and do not begin again', async () => {
    const { command, runs } = await countingVoice(soundOf(3, 1))
    const booth = voices(command)
    await expect(booth.prepare({ text: 'Hello' }, 1)).rejects.toMatchObject({ fault: 'not-ready' })
    await expect(booth.prepare({ text: 'Hello' }, 5000)).resolves.toMatchObject({ durationMs: 1000 })
    expect(await runs()).toBe(1)
  })

  it.each([
    ['fails', ['/bin/false']],
    ['is not there', ['/no/such/voice']],
    ['says nothing', ['/bin/true']],
    ['makes no sound', ['/bin/cat']],
  ])('that %s gives a clear failure, remembered for a while', async (_what, command) => {
    const booth = voices(command)
    const first = await booth.prepare({ text: 'Hello' }, 5000).catch((error: unknown) => error)
    expect(first).toMatchObject({ name: 'VoiceError', fault: 'failed' })
    expect((first as Error).message).not.toContain('Hello')
    expect(await booth.prepare({ text: 'Hello' }, 5000).catch((error: unknown) => error)).toBe(first)
  })

  it('that makes only silence is a failure: nobody is called to hear nothing', async () => {
    const { command } = await countingVoice(new Int16Array(8000))
    await expect(voices(command).prepare({ text: 'Hello' }, 5000)).rejects.toMatchObject({ fault: 'failed' })
  })

  it('need something to say, and something to say it', async () => {
    await expect(voices(['/bin/cat']).prepare({ text: ' \n' }, 5000)).rejects.toMatchObject({ fault: 'failed' })
    await expect(voices(null).prepare({ text: 'Hello' }, 5000)).rejects.toThrow(/install flite or espeak-ng/)
  })

  it.each([8000, 16_000, 44_100, 48_000])('play a recording of %s samples a second', async (rate) => {
    // A sine both below and above what a telephone carries: the upper one must be gone, not folded down.
    const samples = Int16Array.from({ length: rate }, (_, at) => {
      const high = rate > 8000 ? 8000 * Math.sin((2 * Math.PI * 5000 * at) / rate) : 0
      return 8000 * Math.sin((2 * Math.PI * 440 * at) / rate) + high
    })
    await writeFile(path.join(folder, 'tone.wav'), writeWav(samples, rate))
    const prompt = await voices(null).prepare({ text: 'A tone', recording: 'tone.wav' }, 5000)
    expect(prompt.durationMs).toBe(1000)
    const wanted = Int16Array.from({ length: 8000 }, (_, at) => 8000 * Math.sin((2 * Math.PI * 440 * at) / 8000))
    expect(bestCorrelation(wanted, heard(prompt), 0)).toBeGreaterThan(0.999)
  })

  it.each(['../secret.wav', '/etc/passwd', 'no-such.wav', 'broken.wav'])('refuse the recording %s', async (name) => {
    await writeFile(path.join(folder, 'broken.wav'), 'RIFF0000WAVEnothing')
    await expect(voices(null).prepare({ text: 'x', recording: name }, 5000)).rejects.toMatchObject({ fault: 'failed' })
  })
})

const installed = findVoices(loadConfig().searchPath ?? '', null)
if (!installed.flite) process.stderr.write('flite is not installed: its tests are skipped\n')
if (!installed.espeak) process.stderr.write('espeak-ng is not installed: its tests are skipped\n')
const NAMES = ['José', 'Zoë', 'Łukasz', 'Søren']

describe.skipIf(!installed.flite)('flite', () => {
  it.each(NAMES)('says %s', async (name) => {
    const booth = voices(null, { installed: { ...installed, espeak: null } })
    const prompt = await booth.prepare({ text: `Hello ${name}, this is the library.` }, 20_000)
    expect(prompt.durationMs).toBeGreaterThan(1000)
  })

  it('does not pretend to know other letters', async () => {
    const booth = voices(null, { installed: { ...installed, espeak: null } })
    await expect(booth.prepare({ text: 'Hello Дмитрий' }, 20_000)).rejects.toThrow(/Latin letters only/)
  })

  it('speaks a long text', async () => {
    const prompt = await voices(null, { installed }).prepare({ text: 'This is a long story. '.repeat(450) }, 60_000)
    expect(prompt.durationMs).toBeGreaterThan(300_000)
  })
})

describe.skipIf(!installed.espeak)('espeak-ng', () => {
  it.each(['Дмитрий', '王小明', 'محمد', 'नीरज', ...NAMES])('says %s', async (name) => {
    const booth = voices(null, { installed: { ...installed, flite: null } })
    const prompt = await booth.prepare({ text: `Hello ${name}, this is the library.` }, 20_000)
    expect(prompt.durationMs).toBeGreaterThan(1000)
  })
})
