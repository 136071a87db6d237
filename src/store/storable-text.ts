/**
 * A text that others have written, as PostgreSQL takes it: it keeps no U+0000. One such character in what a carrier tells
 * would fail the transaction with everything else in it, again and again.
 */
export function storableText<Text extends string | null>(text: Text): Text {
  return text?.includes('\0') === true ? (text.replaceAll('\0', '\ufffd') as Text) : text
}
