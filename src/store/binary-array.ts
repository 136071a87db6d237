import { pageOf, placeOnPage, type RowPlace } from './row-place.ts'
import { storableText } from './storable-text.ts'

/**
 * PostgreSQL arrays in the binary form of the protocol. The hot statements take one array for each column, thousands of
 * elements long: the server reads such an element in half the time of its text, and Node writes it faster too. The loops count by
 * themselves: they see items of many kinds, and an iterator would make an object for every element then.
 */
const INT8_OID = 20
const INT2_OID = 21
const INT4_OID = 23
const TID_OID = 27

const HEADER_BYTES = 20

/** One element for each item of a column. */
type ElementOf<Item, Element> = (item: Item) => Element

/** An array of one dimension from index 1, with room for `elementBytes` behind its header. */
function allocate(elementOid: number, length: number, elementBytes: number): { buffer: Buffer; view: DataView } {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + elementBytes)
  // A DataView writes an integer in a third of the time that the methods of Buffer take.
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  const dimensions = 1
  const hasNulls = 0
  view.setInt32(0, dimensions)
  view.setInt32(4, hasNulls)
  view.setInt32(8, elementOid)
  view.setInt32(12, length)
  view.setInt32(16, 1)
  return { buffer, view }
}

/** `int4[]`. */
export function int4Array<Item>(items: readonly Item[], elementOf: ElementOf<Item, number>): Buffer {
  const { buffer, view } = allocate(INT4_OID, items.length, items.length * 8)
  let at = HEADER_BYTES
  for (let index = 0; index < items.length; index++) {
    view.setInt32(at, 4)
    view.setInt32(at + 4, elementOf(items[index]!))
    at += 8
  }
  return buffer
}

/** `int8[]`. */
export function int8Array<Item>(items: readonly Item[], elementOf: ElementOf<Item, bigint>): Buffer {
  const { buffer, view } = allocate(INT8_OID, items.length, items.length * 12)
  let at = HEADER_BYTES
  for (let index = 0; index < items.length; index++) {
    view.setInt32(at, 8)
    view.setBigInt64(at + 4, elementOf(items[index]!))
    at += 12
  }
  return buffer
}

/** `tid[]`. */
export function tidArray<Item>(items: readonly Item[], elementOf: ElementOf<Item, RowPlace>): Buffer {
  const { buffer, view } = allocate(TID_OID, items.length, items.length * 10)
  let at = HEADER_BYTES
  for (let index = 0; index < items.length; index++) {
    const place = elementOf(items[index]!)
    view.setInt32(at, 6)
    view.setUint32(at + 4, pageOf(place))
    view.setUint16(at + 8, placeOnPage(place))
    at += 10
  }
  return buffer
}

/** `int2[]`. */
export function int2Array<Item>(items: readonly Item[], elementOf: ElementOf<Item, number>): Buffer {
  const { buffer, view } = allocate(INT2_OID, items.length, items.length * 6)
  let at = HEADER_BYTES
  for (let index = 0; index < items.length; index++) {
    view.setInt32(at, 2)
    view.setInt16(at + 4, elementOf(items[index]!))
    at += 6
  }
  return buffer
}

/**
 * Texts of any content, see {@link storableText}, as three parameters: all of them in one piece as `bytea`, where each begins,
 * from 1, and how long it is; -1: none. {@link packedTextSql} reads one of them at once, while the server goes through a `text[]`
 * from its beginning for each.
 */
export function packedTexts<Item>(items: readonly Item[], textOf: ElementOf<Item, string | null>): (Buffer | null)[] {
  const texts: (string | null)[] = []
  let bytes = 0
  let known = 0
  for (let index = 0; index < items.length; index++) {
    const text = storableText(textOf(items[index]!))
    texts.push(text)
    if (text === null) continue
    bytes += Buffer.byteLength(text)
    known += 1
  }
  if (known === 0) return NO_TEXTS
  const packed = Buffer.allocUnsafe(bytes)
  const starts: number[] = []
  const lengths: number[] = []
  let at = 0
  for (const text of texts) {
    const length = text === null ? -1 : packed.write(text, at)
    starts.push(at + 1)
    lengths.push(length)
    at += Math.max(0, length)
  }
  return [packed, int4Array(starts, itself), int4Array(lengths, itself)]
}

const NO_TEXTS = [null, int4Array([], itself), int4Array([], itself)]

/** For items that are the elements. */
export function itself(element: number): number {
  return element
}

/** The text at `index` of three parameters, the first of which is $`first`. */
export function packedTextSql(first: number, index: string): string {
  const [start, length] = [first + 1, first + 2].map((number) => `($${number}::int[])[${index}]`)
  return `convert_from(substring($${first}::bytea, ${start}, nullif(${length}, -1)), 'UTF8')`
}
