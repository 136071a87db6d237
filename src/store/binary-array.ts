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
const TEXT_OID = 25
const TID_OID = 27

const HEADER_BYTES = 20
const NULL_LENGTH = -1

/** One element for each item of a column. */
type ElementOf<Item, Element> = (item: Item) => Element

/** An array of one dimension from index 1, with room for `elementBytes` behind its header. */
function allocate(elementOid: number, length: number, elementBytes: number): { buffer: Buffer; view: DataView } {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + elementBytes)
  // A DataView writes an integer in a third of the time that the methods of Buffer take.
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  const dimensions = 1
  // A hint only: the server looks for NULLs itself.
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

/**
 * `int4[]` in which -1, "not known", becomes NULL. Empty when nothing is known: `unnest` beside longer arrays fills it up with
 * NULL, and nobody has to read these one by one.
 */
export function knownInt4Array<Item>(items: readonly Item[], elementOf: ElementOf<Item, number>): Buffer {
  const { buffer, view } = allocate(INT4_OID, items.length, items.length * 8)
  let at = HEADER_BYTES
  let known = 0
  for (let index = 0; index < items.length; index++) {
    const element = elementOf(items[index]!)
    view.setInt32(at, element === -1 ? NULL_LENGTH : 4)
    at += 4
    if (element === -1) continue
    view.setInt32(at, element)
    at += 4
    known += 1
  }
  return known === 0 ? allocate(INT4_OID, 0, 0).buffer : buffer.subarray(0, at)
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

/** `text[]` of any content, see {@link storableText}; null becomes NULL. Empty when there is nothing else, as above. */
export function textArray<Item>(items: readonly Item[], textOf: ElementOf<Item, string | null>): Buffer {
  const texts: (string | null)[] = []
  let bytes = 0
  let known = 0
  for (let index = 0; index < items.length; index++) {
    const text = storableText(textOf(items[index]!))
    texts.push(text)
    bytes += 4
    if (text === null) continue
    bytes += Buffer.byteLength(text)
    known += 1
  }
  if (known === 0) return allocate(TEXT_OID, 0, 0).buffer
  const { buffer, view } = allocate(TEXT_OID, items.length, bytes)
  let at = HEADER_BYTES
  for (let index = 0; index < texts.length; index++) {
    const element = texts[index] ?? null
    const length = element === null ? NULL_LENGTH : buffer.write(element, at + 4)
    view.setInt32(at, length)
    at += 4 + Math.max(0, length)
  }
  return buffer
}
