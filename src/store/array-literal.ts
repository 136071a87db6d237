/**
 * PostgreSQL array literals. Building the literal here is faster than the driver's own serializer, which inspects every
 * element. The hot statements take most of their arrays in binary form, see `binary-array.ts`.
 */
export function numberArray(values: readonly (number | string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : value)).join(',')}}`
}

/** For numbers and numeric strings that are never null. */
export function plainArray(values: readonly (number | string)[]): string {
  return `{${values.join(',')}}`
}
