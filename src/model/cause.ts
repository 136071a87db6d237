/**
 * Why an attempt or a recipient ended as it did, one step finer than the outcome. The numbers stand in the database:
 * one may be added, none may be changed or used again. The texts are shown to users as they are.
 */
const CAUSES = {
  none: { code: 0, text: '' },

  // The call was answered.
  'callee-hung-up': { code: 1, text: 'The person hung up' },
  'agent-hung-up': { code: 2, text: 'The agent finished the call' },
  'max-duration': { code: 3, text: 'The call reached its maximum length' },
  inactivity: { code: 4, text: 'Nobody spoke for too long' },
  'agent-unreachable': { code: 5, text: 'The agent could not be reached' },
  'agent-error': { code: 6, text: 'The agent failed during the call' },
  'media-lost': { code: 7, text: 'The sound of the call was lost' },
  'hung-up-by-user': { code: 8, text: 'A user ended the call' },
  'node-lost': { code: 9, text: 'The server that carried the call was lost' },
  'shut-down': { code: 10, text: 'The server that carried the call was shut down' },
  'suppressed-by-callee': { code: 11, text: 'The person asked not to be called again' },
  'answered-too-late': { code: 13, text: 'The person answered while the call was being ended' },
  'machine-detected': { code: 12, text: 'An answering machine took the call' },

  // The telephone of the called person, or the person, did not take the call.
  'ring-timeout': { code: 20, text: 'Nobody answered in time' },
  'busy-here': { code: 21, text: 'Number busy' },
  'busy-everywhere': { code: 22, text: 'All lines of the number are busy' },
  declined: { code: 23, text: 'The person declined the call' },
  'temporarily-unavailable': { code: 24, text: 'The telephone is switched off or out of reach' },
  'blocked-by-callee': { code: 25, text: 'The person blocks calls from this number' },
  'unallocated-number': { code: 26, text: 'The number is not in use' },
  'number-incomplete': { code: 27, text: 'The number is incomplete' },
  'number-changed': { code: 28, text: 'The number has changed' },

  // The carrier did not place the call.
  'carrier-refused': { code: 40, text: 'The carrier refused the call' },
  'carrier-error': { code: 41, text: 'The carrier failed to place the call' },
  'carrier-rate-limited': { code: 42, text: 'The carrier takes no more calls at this rate' },
  'carrier-out-of-credit': { code: 43, text: 'The account at the carrier has no credit left' },
  'carrier-credentials': { code: 44, text: 'The carrier did not accept the credentials of the trunk' },
  'caller-number-refused': { code: 45, text: 'The carrier does not allow the caller number' },
  'destination-refused': { code: 46, text: 'The carrier does not call this destination' },
  'trunk-unreachable': { code: 47, text: 'The trunk could not be reached' },
  'media-not-agreed': { code: 48, text: 'The carrier and this server share no sound format' },
  'voice-failed': { code: 49, text: 'The voice could not speak the text' },

  // Somebody else was to place the call.
  'invitation-refused': { code: 55, text: 'The server that was asked to place the call did not take it' },
  'cannot-be-joined': { code: 56, text: 'Calls of this kind cannot be joined at this server' },

  // What became of the call is not known.
  'no-carrier-answer': { code: 60, text: 'The carrier did not say whether it took the call' },
  'lookup-missed': { code: 61, text: 'The carrier does not know the call' },
  'evidence-missing': { code: 62, text: 'The carrier stopped reporting on the call' },

  // The call was never sent.
  'deadline-missed': { code: 70, text: 'The call could not be sent in time' },
  'claim-lost': { code: 71, text: 'The server did not learn that the call was its own' },
  'stopped-before-send': { code: 72, text: 'The call was stopped before it was sent' },
  'voice-not-ready': { code: 73, text: 'The voice had not finished speaking the text in time' },
  'no-media-port': { code: 74, text: 'This server had no free port for the sound of the call' },

  // Somebody or some rule of ours kept the person from being called (again).
  'cancelled-by-user': { code: 80, text: 'Cancelled by a user' },
  'recipient-expired': { code: 81, text: 'The time in which the person could be called is over' },
  'on-suppression-list': { code: 82, text: 'The number is on the suppression list' },
  'number-repeated': { code: 83, text: 'The number stands earlier in the same batch' },
  'number-malformed': { code: 84, text: 'This is not a telephone number' },
  'number-not-valid': { code: 85, text: 'No such number can exist in its country' },
  'country-not-allowed': { code: 86, text: 'Calls to this country are not allowed' },
  'premium-number': { code: 87, text: 'Premium-rate numbers are not called' },
  'satellite-number': { code: 88, text: 'Satellite numbers are not called' },
  'emergency-number': { code: 89, text: 'Emergency numbers are not called' },
  'short-code': { code: 90, text: 'Short codes are not called' },
  'own-number': { code: 91, text: 'The number is the caller number itself' },
  'number-range-not-allowed': { code: 92, text: 'Calls to this range of numbers are not allowed' },
} as const satisfies Record<string, { code: number; text: string }>

export type Cause = keyof typeof CAUSES

const names = Object.keys(CAUSES) as Cause[]
const byCode = new Map<number, Cause>(names.map((cause) => [CAUSES[cause].code, cause]))

/** Every cause, in the order of its number. */
export const ALL_CAUSES: readonly Cause[] = names.sort((a, b) => CAUSES[a].code - CAUSES[b].code)

/** The small number that stands for a cause in the database. */
export function codeOfCause(cause: Cause): number {
  return CAUSES[cause].code
}

/** The cause a number stands for. Throws RangeError for a number no version of ours has written. */
export function causeFromCode(code: number): Cause {
  const cause = byCode.get(code)
  if (cause === undefined) throw new RangeError(`No cause has the number ${code}`)
  return cause
}

/** The cause in plain words; empty for `none`. */
export function textOfCause(cause: Cause): string {
  return CAUSES[cause].text
}

/** Whether a text is the name of a cause. */
export function isCause(text: string): text is Cause {
  return Object.hasOwn(CAUSES, text)
}
