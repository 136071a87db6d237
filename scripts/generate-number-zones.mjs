// Writes src/model/number-zones.generated.ts: which time zones the holder of a number may be in.
//
//   node scripts/generate-number-zones.mjs map_data.txt           writes the file
//   node scripts/generate-number-zones.mjs map_data.txt --check   exits with 1 when the file is not what would be written
//
// map_data.txt is resources/timezones/map_data.txt of github.com/google/libphonenumber (Apache-2.0). Its prefixes are
// finer than is safe: exchanges it does not list fall to a default, numbers are ported within their area, and mobile
// numbers of several countries are given the capital's zone. So each number gets the union of its whole area, and the
// corrections below.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const metadata = createRequire(import.meta.url)('libphonenumber-js/metadata.max.json')
const target = new URL('../src/model/number-zones.generated.ts', import.meta.url)
const INDEXED_DIGITS = 5

/** How many leading digits are an area, by prefix; the longest that fits counts. Elsewhere a whole country is one area. */
const AREA_DIGITS = {
  1: 4,
  7: 4,
  34: 5,
  52: 5,
  55: 4,
  56: 4,
  61: 3,
  618: 5,
  62: 5,
  64: 3,
  243: 4,
  351: 5,
  593: 4,
}

const AUSTRALIA = [
  'Australia/Adelaide',
  'Australia/Brisbane',
  'Australia/Broken_Hill',
  'Australia/Darwin',
  'Australia/Eucla',
  'Australia/Hobart',
  'Australia/Lord_Howe',
  'Australia/Melbourne',
  'Australia/Perth',
  'Australia/Sydney',
]
const RUSSIA = [
  'Asia/Anadyr',
  'Asia/Irkutsk',
  'Asia/Kamchatka',
  'Asia/Krasnoyarsk',
  'Asia/Magadan',
  'Asia/Novosibirsk',
  'Asia/Omsk',
  'Asia/Sakhalin',
  'Asia/Vladivostok',
  'Asia/Yakutsk',
  'Asia/Yekaterinburg',
  'Europe/Kaliningrad',
  'Europe/Moscow',
  'Europe/Samara',
]
const CHIHUAHUA = ['America/Chihuahua', 'America/Ciudad_Juarez', 'America/Ojinaga']
const CHILE = ['America/Punta_Arenas', 'America/Santiago', 'Pacific/Easter']
const SPAIN = ['Atlantic/Canary', 'Europe/Madrid']
const PORTUGAL = ['Atlantic/Azores', 'Europe/Lisbon']
const INDONESIA = ['Asia/Jakarta', 'Asia/Jayapura', 'Asia/Makassar']
const NEW_ZEALAND = ['Pacific/Auckland', 'Pacific/Chatham']
const MEXICO = [
  ...CHIHUAHUA,
  'America/Cancun',
  'America/Hermosillo',
  'America/Matamoros',
  'America/Mazatlan',
  'America/Mexico_City',
  'America/Tijuana',
]

/** Zones by prefix, instead of the data's; the longest that fits counts. */
const REPLACED = {
  // North American area codes laid over older ones whose area has two zones, or too new for the data.
  1236: 'as 1250',
  1257: 'as 1250',
  1364: 'as 1270',
  1367: 'as 1418',
  1448: 'as 1850',
  1457: 'as 1318',
  1458: 'as 1541',
  1471: 'as 1662',
  1581: 'as 1418',
  1672: 'as 1250',
  1729: 'as 1423',
  1778: 'as 1250',
  1837: 'as 1530',
  1861: 'as 1309',
  1879: 'as 1709',
  1930: 'as 1812',
  1986: 'as 1208',
  // Numbers that belong to no place, where the data names the capital's zone or a neighbour's.
  343: SPAIN,
  345: SPAIN,
  346: SPAIN,
  347: SPAIN,
  3480: SPAIN,
  3490: SPAIN,
  3516: PORTUGAL,
  3517: PORTUGAL,
  3518: PORTUGAL,
  3519: PORTUGAL,
  353: ['Europe/Dublin'],
  52200: MEXICO,
  52201: MEXICO,
  52800: MEXICO,
  52900: MEXICO,
  569: CHILE,
  564: CHILE,
  568: CHILE,
  611: AUSTRALIA,
  614: AUSTRALIA,
  615: AUSTRALIA,
  628: INDONESIA,
  642: NEW_ZEALAND,
  645: NEW_ZEALAND,
  648: NEW_ZEALAND,
  // Countries to which the data gives a zone of another country with other summer time.
  211: ['Africa/Juba'],
  212: ['Africa/Casablanca', 'Africa/El_Aaiun'],
  213: ['Africa/Algiers'],
  218: ['Africa/Tripoli'],
  505: ['America/Managua'],
  970: ['Asia/Gaza', 'Asia/Hebron'],
  // Kaliningrad keeps another clock than Bucharest, whose zone the data gives it.
  740: ['Europe/Kaliningrad'],
  7840: ['Europe/Moscow'],
  79: RUSSIA,
  2438: ['Africa/Kinshasa', 'Africa/Lubumbashi'],
  2439: ['Africa/Kinshasa', 'Africa/Lubumbashi'],
  5931: ['America/Guayaquil', 'Pacific/Galapagos'],
  5939: ['America/Guayaquil', 'Pacific/Galapagos'],
}

/** Zones by prefix, beside the data's. */
const ADDED = {
  // Lloydminster, in the west of Saskatchewan, keeps Alberta's time.
  1306: ['America/Edmonton'],
  1474: ['America/Edmonton'],
  1639: ['America/Edmonton'],
  299: ['America/Danmarkshavn'],
  // The south of Chile and the west of Amazonas.
  5661: ['America/Punta_Arenas'],
  5667: ['America/Punta_Arenas'],
  5568: ['America/Eirunepe'],
  5597: ['America/Eirunepe'],
  // Chihuahua left Mazatlan's time in 2022, Sonora never had its summer time.
  52614: CHIHUAHUA,
  5262: [...CHIHUAHUA, 'America/Hermosillo'],
  5263: [...CHIHUAHUA, 'America/Hermosillo'],
  5264: [...CHIHUAHUA, 'America/Hermosillo'],
  5265: CHIHUAHUA,
  5266: ['America/Hermosillo'],
  612: ['Australia/Broken_Hill'],
  613: ['Australia/Hobart', 'Australia/Melbourne'],
  // The Northern Territory shares its first digits with South Australia, but not its summer time.
  618: ['Australia/Darwin'],
  675: ['Pacific/Bougainville'],
}

/** Names that are outdated, that are links, or whose clocks are by law those of a neighbour. */
const RENAMED = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/New_York+52': 'America/Cancun',
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
  'America/Godthab': 'America/Nuuk',
  'America/Kralendijk': 'America/Curacao',
  'America/Lower_Princes': 'America/Curacao',
  'Arctic/Longyearbyen': 'Europe/Oslo',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Choibalsan': 'Asia/Ulaanbaatar',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Bucharest+7': 'Europe/Kaliningrad',
  'Europe/Guernsey': 'Europe/London',
  'Europe/Isle_of_Man': 'Europe/London',
  'Europe/Jersey': 'Europe/London',
  'Europe/Kiev': 'Europe/Kyiv',
  'Europe/Mariehamn': 'Europe/Helsinki',
  'Europe/Vatican': 'Europe/Rome',
  'Pacific/Enderbury': 'Pacific/Kanton',
  'Pacific/Ponape': 'Pacific/Pohnpei',
  'Pacific/Truk': 'Pacific/Chuuk',
}

const [file, ...flags] = process.argv.slice(2)
if (file === undefined) throw new Error('Give the path of map_data.txt')
const source = readFileSync(file, 'utf8')
const entries = new Map()
for (const line of source.split(/\r?\n/)) {
  const [prefix, zones] = line.split('|')
  if (/^\d+$/.test(prefix) && zones) entries.set(prefix, zones.split('&'))
}
const callingCodes = new Set([...Object.keys(metadata.country_calling_codes), ...Object.keys(metadata.nonGeographic)])
const longestEntry = Math.max(...[...entries.keys()].map((prefix) => prefix.length))

function longestFit(table, digits, shorterThan = digits.length + 1) {
  for (let length = shorterThan - 1; length > 0; length -= 1) {
    const found = table instanceof Map ? table.get(digits.slice(0, length)) : table[digits.slice(0, length)]
    if (found !== undefined) return found
  }
  return undefined
}

function isCovered(prefix) {
  if (entries.has(prefix)) return true
  if (prefix.length >= longestEntry || ![...entries.keys()].some((key) => key.startsWith(prefix))) return false
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].every((digit) => isCovered(`${prefix}${digit}`))
}

function zonesOfArea(area, callingCode) {
  const replaced = longestFit(REPLACED, area)
  if (typeof replaced === 'string') return zonesOfArea(replaced.slice(3), callingCode)
  const zones = new Set(replaced)
  if (replaced === undefined) {
    for (const [prefix, inside] of entries) if (prefix.startsWith(area)) for (const zone of inside) zones.add(zone)
    // What the listed parts of an area leave open falls to the entry around it. An area code of North America that is
    // in no list may be anywhere from Guam to Newfoundland, where no hour suits: such numbers have no zone at all.
    const around = isCovered(area) || callingCode === '1' ? undefined : longestFit(entries, area, area.length)
    for (const zone of around ?? []) zones.add(zone)
  }
  if (zones.size > 0) for (const zone of longestFit(ADDED, area) ?? []) zones.add(zone)
  const names = [...zones].map((zone) => RENAMED[`${zone}+${callingCode}`] ?? RENAMED[zone] ?? zone)
  return [...new Set(names)].sort()
}

const sets = [[]]
const setIndex = new Map([['', 0]])
const areaIndex = new Map()
function indexOfPrefix(digits) {
  const callingCode = [1, 2, 3].map((length) => digits.slice(0, length)).find((code) => callingCodes.has(code))
  if (callingCode === undefined) return 0
  const area = digits.slice(0, longestFit(AREA_DIGITS, digits) ?? callingCode.length)
  let index = areaIndex.get(area)
  if (index === undefined) {
    const zones = zonesOfArea(area, callingCode)
    const key = zones.join()
    index = setIndex.get(key)
    if (index === undefined) {
      index = sets.push(zones) - 1
      setIndex.set(key, index)
    }
    areaIndex.set(area, index)
  }
  return index
}

const runs = []
let before = -1
for (let prefix = 10 ** (INDEXED_DIGITS - 1); prefix < 10 ** INDEXED_DIGITS; prefix += 1) {
  const index = indexOfPrefix(String(prefix))
  if (index !== before) runs.push(`${prefix}:${index}`)
  before = index
}
const lines = (words, width) => {
  const found = ['']
  for (const word of words) {
    if (found.at(-1).length + word.length + 1 > width) found.push('')
    found[found.length - 1] += `${word} `
  }
  return found.map((line) => `  '${line}'`).join(' +\n')
}
const text = `// Generated by scripts/generate-number-zones.mjs from libphonenumber's resources/timezones/map_data.txt; do not edit.
// Source: Google, Apache-2.0, sha256 ${createHash('sha256').update(source).digest('hex')}.

/** Every set of candidate zones that occurs; the first is empty and means "unknown". */
export const ZONE_SETS: readonly (readonly string[])[] = [
${sets.map((zones) => `  [${zones.map((zone) => `'${zone}'`).join(', ')}],`).join('\n')}
]

/** "first ${INDEXED_DIGITS} digits:set" in ascending order; a set holds until the next entry. */
export const ZONE_RUNS =
${lines(runs, 110)}
`
if (flags.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/model/number-zones.generated.ts is stale: run node scripts/generate-number-zones.mjs')
    process.exitCode = 1
  }
} else {
  writeFileSync(target, text)
  console.log(`${sets.length} sets, ${runs.length} runs, ${text.length} bytes`)
}
