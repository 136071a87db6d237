/**
 * PostgreSQL array literals. The hot statements take one array for each column; building the literal here is
 * faster than the driver's own serializer, which inspects every element.
 */
export function numberArray(values: readonly (number | string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : value)).join(',')}}`
}

/** For numbers and numeric strings that are never null. */
export function plainArray(values: readonly (number | string)[]): string {
  return `{${values.join(',')}}`
}

const NEEDS_QUOTES = /[^A-Za-z0-9_-]/

/** Texts of any content; every element that is not plainly safe is quoted and escaped. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map(textElement).join(',')}}`
}

function textElement(value: string | null): string {
  if (value === null) return 'NULL'
  if (value !== '' && !NEEDS_QUOTES.test(value) && value.toUpperCase() !== 'NULL') return value
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
