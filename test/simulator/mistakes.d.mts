/** One safeguard taken out: texts of the product, and what stands there instead. */
export interface Mistake {
  readonly name: string
  readonly what: string
  readonly changes: readonly { readonly file: string; readonly find: string; readonly put: string }[]
}

export const MISTAKES: readonly Mistake[]
