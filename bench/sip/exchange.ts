import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { answer, answerInDialog, recv, scenario } from '../../test/sip/scenario.ts'

/**
 * Writes sipp's part of a telephone exchange that answers each call at once: INVITE, 100, 180, 200, ACK, BYE, 200, what the
 * built-in client of sipp expects. sipp's built-in exchange sends no 100, and gives a call up when its INVITE or ACK comes
 * a second time; this one answers again, as the standard wants it.
 */
export function writeExchange(folder: string): string {
  const again = (request: string, label: number) => `<recv request="${request}" optional="true" next="${label}"/>`
  const file = path.join(folder, 'exchange.xml')
  const steps = [
    recv('INVITE'),
    answer(100, 'Trying'),
    answer(180, 'Ringing'),
    '<label id="1"/>',
    answer(200, 'OK', { sdp: true }),
    again('INVITE', 1),
    recv('ACK'),
    '<label id="2"/>',
    again('INVITE', 2),
    again('ACK', 2),
    recv('BYE'),
    answerInDialog(200, 'OK'),
    '<timewait milliseconds="4000"/>',
  ]
  writeFileSync(file, scenario('answers at once', steps))
  return file
}
