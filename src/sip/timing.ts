/** The round trip that RFC 3261 assumes; every timer of a transaction is counted in it. */
export const T1_MS = 500
/** The longest pause between repetitions. */
export const T2_MS = 4000
/** How long a message may live in the network. */
export const T4_MS = 5000
/** A request without any answer is given up after this long (timers B and F), and strays are recognised (D, H, J, L, M). */
export const TRANSACTION_MS = 64 * T1_MS
