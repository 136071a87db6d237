/** Fields of the core by name, and what a wire format calls them. */
export type FieldWords = Readonly<Record<string, string>>

/** A path in the words of a wire format: each of its steps that has another name there. */
export function pathInWords(path: string, words: FieldWords): string {
  return path
    .split('.')
    .map((step) => (Object.hasOwn(words, step) ? words[step] : step))
    .join('.')
}

/** A message, which begins with the field it speaks of where it names it, in the words of a wire format. */
export function messageInWords(message: string, field: string, words: FieldWords): string {
  return message.startsWith(`${field} `) ? pathInWords(field, words) + message.slice(field.length) : message
}
