// What the words of src/model/ mean, for the reference pages. `generate-docs.mjs` refuses a word without a text and a
// text without a word.

export const BATCH_STATUS_TEXTS = {
  draft: 'Stored, and starts only when it is asked to.',
  scheduled: 'Starts by itself at its start time.',
  running: 'People are called, or wait for a line, an open calling window or their next attempt.',
  paused: 'No new calls. Calls that live go on.',
  completed: 'Everyone on the list has a final outcome.',
  cancelled: 'Nobody who waited will be called. Calls that lived at the time go on to their end.',
}

export const ATTEMPT_STATUS_TEXTS = {
  dialing: 'The intent to call is committed. The request to the carrier is on its way, or nothing is known of it yet.',
  accepted: 'The carrier has taken the call.',
  ringing: "The person's telephone rings.",
  answered: 'Somebody or some machine took the call, and it goes on.',
  ended: 'The call is over; its outcome says how it ended.',
}

export const OUTCOME_TEXTS = {
  answered:
    'The call was answered. `answeredBy` says whether by a `human` or a `machine`, as far as the carrier can tell.',
  voicemail: 'An answering machine took the call.',
  busy: 'The line was busy.',
  'no-answer': 'Nobody answered in time.',
  rejected: 'The person declined the call.',
  failed: 'The carrier did not place the call, or could not complete it.',
  cancelled: 'The batch was cancelled before this person was called, or the call was stopped before it was answered.',
  expired: 'The time in which the batch may call was over.',
  unknown: 'A request to call was sent and nobody can say what became of it. The person is not called again by itself.',
  'not-sent':
    'Proven: no request ever left. The person is due again, and the attempt counts towards no limit of attempts.',
  suppressed: 'The number is on the suppression list.',
  duplicate: 'The number stands earlier in the same batch.',
  'invalid-number': 'No such telephone number can exist.',
  'not-allowed': 'A rule forbids calls to this number: its country, or its kind.',
}

export const WAITING_REASON_TEXTS = {
  'not-started-yet': 'The batch is a draft, or its start lies in the future.',
  'batch-paused': 'The batch is paused.',
  'not-before': 'The person may not be called before an instant of their own.',
  'retry-gap': 'The last attempt was not long enough ago.',
  'number-in-call': 'The number is in another call of this organization. It is tried again every five seconds.',
  'same-number-before': 'The same number stands earlier in the batch and is not finished.',
  'unknown-zone': "The calling window is in the person's own time zone, which cannot be told from the number.",
  'outside-calling-window': 'The calling window is closed now.',
  'trunk-unreachable': 'The trunk fails and is left alone until it answers a probe.',
  'organization-limit': 'The organization has as many calls as it may have.',
  'batch-limit': 'The batch has as many calls as it may have.',
  'trunk-limit': 'The trunk has as many calls as it may have.',
  'calls-per-second': 'The trunk may not start another call yet.',
  throttled: 'The throttle of the batch lets no more calls start in its window of time.',
  'in-line': 'Others are before it.',
}

export const EVENT_TEXTS = {
  'attempt-dialing': 'The intent to call was committed.',
  'attempt-accepted': 'The carrier took the call.',
  'attempt-ringing': 'The telephone rings.',
  'attempt-answered': 'The call was answered.',
  'attempt-ended': 'The call ended, with this outcome, and the person will be called again.',
  'recipient-finished':
    'The person has a final outcome. It comes once for each, with or without a call; for people who were closed in line together, `lane-closed` stands for it.',
  'recipient-outcome-corrected': 'The outcome had been `unknown`; later evidence told what it was.',
  'recipient-reopened':
    'A finished recipient waits again: a call that counted as `unknown` turned out to live, or somebody asked to call again.',
  'batch-created': 'The batch was stored.',
  'batch-started': 'The batch began to call.',
  'batch-paused': 'The batch was paused.',
  'batch-resumed': 'The batch goes on.',
  'batch-cancelled': 'The batch was cancelled.',
  'batch-replaced': 'Its recipients and terms were replaced before it started: what was said of it before is void.',
  'batch-expired': 'The time of the batch is over.',
  'batch-completed': 'Everyone on the list has a final outcome.',
  'lane-closed': 'All who still waited in line have this outcome. One entry stands for many people.',
}
