/**
 * From here on a stored number stands for somebody who was erased: it is made from the keyed hash, tells nothing without
 * the key, and is no telephone number (see `model/no-telephone.ts`). Whoever was suppressed stays so by the hash.
 */
export const ERASED_FROM = '9100000000000000000'

/** What takes the place of a number. */
export const erasedNumberSql = (hash: string) => `${ERASED_FROM} + abs(${hash} % 100000000000000000)`

/** Whether a suppressed number is that of somebody with the same hash: the numbers are compared while they exist. */
export const sameNumberSql = (suppressed: string, number: string) =>
  `(${suppressed} = ${number} OR ${suppressed} >= ${ERASED_FROM})`
