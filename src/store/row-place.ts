/**
 * Where a live row lay when it was last read or written: its page in the high bits, its place on the page in the low 16.
 * A hint: whoever looks there compares the row as well, and finds nothing when it has moved. PostgreSQL's `ctid`.
 */
export type RowPlace = number

const PLACES_A_PAGE = 0x10000

export function pageOf(place: RowPlace): number {
  return Math.floor(place / PLACES_A_PAGE)
}

export function placeOnPage(place: RowPlace): number {
  return place % PLACES_A_PAGE
}

const DIGIT_0 = 48
const DIGIT_9 = 57

/** Reads one `(page,place)` or an array of them, `{"(1,2)","(1,3)"}`; thousands at a time, so digit by digit. */
export function readPlaces(text: string | null): RowPlace[] {
  const places: RowPlace[] = []
  if (text === null) return places
  let page = -1
  let number = -1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= DIGIT_0 && code <= DIGIT_9) number = (number < 0 ? 0 : number * 10) + code - DIGIT_0
    else if (number >= 0) {
      if (page < 0) page = number
      else {
        places.push(page * PLACES_A_PAGE + number)
        page = -1
      }
      number = -1
    }
  }
  return places
}
