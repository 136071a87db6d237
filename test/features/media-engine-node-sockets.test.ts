import { testMediaEngine } from '../media/engine-tests.ts'

// Node's own sockets, as on systems where the product's own system calls cannot be had.
testMediaEngine('node')
