/** One line of the demo's list. */
export interface DemoPerson {
  readonly firstName: string
  readonly lastName: string
  readonly number: string
  readonly day: string
  readonly time: string
}

const FIRST_NAMES = (
  'Amara Björn Chloé Dmitri Elif Farid Grace Haruto Inés Jamal Keiko Lukas Maya Nadia Oluwaseun Priya Quentin Rosa ' +
  'Siobhán Tomás Uma Viktor Wanjiru Ximena Yusuf Zoë Aiko Bruno Camila Declan Emre Fatima Gustav Hana Ibrahim Jun ' +
  'Kwame Leila Mateo Noor'
).split(' ')
const LAST_NAMES = (
  'Adeyemi Bianchi Castillo Dubois Eriksson Fischer García Haddad Ivanova Jensen Kowalski Lindqvist Moreau Nakamura ' +
  "O'Brien Petrov Quispe Rahman Santos Tanaka Ueda Vargas Weber Xu Yılmaz Zhang Achterberg Bakshi Cohen Díaz Endo " +
  'Ferreira Gupta Horváth Iyer Jovanović Kaya'
).split(' ')
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] as const
/** Numbers that are set aside for stories in two area codes: nobody has them. The last two digits tell the ending. */
const NUMBER_BEGINNINGS = ['+14155550', '+12125550'] as const
const ENDINGS = 100
/** Endings of calls that take the longest to be sure of; they come early, so that nobody waits for them at the end. */
const SLOW_FROM = 97
const SLOW_PLACES = 40
/** Any number without a common factor with 200 visits all people once. */
const STEP = 73

/** 200 people on whom the simulated network tells each of its stories, in an order in which the stories mix. */
export function demoPeople(): DemoPerson[] {
  const all = NUMBER_BEGINNINGS.flatMap((beginning) =>
    Array.from({ length: ENDINGS }, (_, ending) => `${beginning}1${String(ending).padStart(2, '0')}`),
  )
  const mixed = all.map((_, index) => all[(index * STEP) % all.length] as string)
  const isSlow = (number: string): boolean => Number(number.slice(-2)) >= SLOW_FROM
  const quick = mixed.filter((number) => !isSlow(number))
  const slow = mixed.filter(isSlow)
  const numbers = [...quick.slice(0, SLOW_PLACES), ...slow, ...quick.slice(SLOW_PLACES)]
  return numbers.map((number, index) => ({
    firstName: FIRST_NAMES[index % FIRST_NAMES.length] as string,
    lastName: LAST_NAMES[(index * 5) % LAST_NAMES.length] as string,
    number,
    day: DAYS[index % DAYS.length] as string,
    time: `${9 + (index % 8)}:${index % 2 === 0 ? '00' : '30'}`,
  }))
}

/** The list as a spreadsheet would export it. */
export function peopleCsv(people: readonly DemoPerson[]): string {
  const lines = people.map(({ firstName, lastName, number, day, time }) =>
    [number, firstName, lastName, day, time].join(','),
  )
  return `${['phone_number,first_name,last_name,day,time', ...lines].join('\n')}\n`
}

/** What everybody hears, and may answer with a key. */
export const DEMO_WORDS =
  'Hello {first_name}, this is Ames Dental. We expect you on {day} at {time}. ' +
  'Press 1 if that is fine, or 9 if we should never call again.'
