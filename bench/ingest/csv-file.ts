/** Area codes of the file's American numbers. */
const AREAS = [212, 415, 312, 713, 305, 602, 206, 617, 404, 214]
const CITIES = ['Springfield', 'Riverside', 'Fairview', 'Greenville']

/** Countries that the file's numbers are of. */
export const COUNTRIES = ['US', 'GB', 'DE'] as const

/** Six of eight American, one British, one German mobile number; the same file every time. */
function numberOf(index: number): string {
  if (index % 8 === 6) return `+4479${String(11_000_000 + ((index * 31) % 88_000_000)).padStart(8, '0')}`
  if (index % 8 === 7) return `+49151${String(10_000_000 + ((index * 37) % 89_000_000))}`
  return `+1${AREAS[index % AREAS.length]}${2_000_000 + ((index * 7919) % 7_999_999)}`
}

/** A CSV file of at most so many bytes, whole rows only, and how many rows it has. */
export function makeCsvFile(bytesMax: number): { file: Buffer; rows: number } {
  const file = Buffer.allocUnsafe(bytesMax)
  let length = file.write('phone_number,first_name,last_name,city\n', 0, 'latin1')
  for (let rows = 0; ; rows++) {
    const row = `${numberOf(rows)},Given${rows},Family,${CITIES[rows % CITIES.length]}\n`
    if (length + row.length > bytesMax) return { file: file.subarray(0, length), rows }
    length += file.write(row, length, 'latin1')
  }
}
