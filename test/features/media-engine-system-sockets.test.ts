import { testMediaEngine } from '../media/engine-tests.ts'

// A system call for each packet, as in containers that do not let a program use io_uring.
testMediaEngine('system')
