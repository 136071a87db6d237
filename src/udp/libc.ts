import { getSystemErrorName } from 'node:util'

/** Numbers of Linux that several files need. */
export const SOL_SOCKET = 1
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000

const SIGNATURES = {
  socket: 'int socket(int, int, int)',
  setsockopt: 'int setsockopt(int, int, int, const void *, uint)',
  bind: 'int bind(int, const void *, uint)',
  connect: 'int connect(int, const void *, uint)',
  close: 'int close(int)',
  send: 'int64_t send(int, const void *, uint64_t, int)',
  sendto: 'int64_t sendto(int, const void *, uint64_t, int, const void *, uint)',
  recvmsg: 'int64_t recvmsg(int, void *, int)',
  clock_gettime: 'int clock_gettime(int, void *)',
  sched_setscheduler: 'int sched_setscheduler(int, int, const void *)',
  /** For what the library has no function of its own: the number of a call, and what it takes. */
  syscall: 'int64_t syscall(int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)',
  munmap: 'int munmap(uint64_t, uint64_t)',
} as const

type CallName = keyof typeof SIGNATURES
type Argument = number | bigint | Buffer

const MMAP = 'void *mmap(void *, uint64_t, int, int, int, int64_t)'
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_POPULATE = 0x8000
const MAP_FAILED = 0xffff_ffff_ffff_ffffn

/** An error of the system with its name, such as EADDRINUSE. */
export class SystemCallError extends Error {
  readonly code: string

  constructor(call: string, errno: number) {
    const code = getSystemErrorName(-errno)
    super(`${call}: ${code}`)
    this.name = 'SystemCallError'
    this.code = code
  }
}

/** Functions of the C library of Linux on 64-bit machines, as they are; the caller knows the layouts of what they take. */
export interface Libc {
  /** Calls on this thread. What it answers is the function's own; below zero is an error whose number is `errno()`. */
  readonly call: Readonly<Record<CallName, (...args: Argument[]) => number>>
  errno(): number
  /** @throws SystemCallError when the function fails */
  must(name: CallName, ...args: Argument[]): number
  /** Where memory lies that stays where it is; see `fixedMemory`. */
  addressOf(memory: Buffer): bigint
  /** Memory that a file descriptor shares with the kernel, until `munmap` of its address. @throws SystemCallError */
  shared(descriptor: number, bytes: number, offset: number): { readonly memory: ArrayBuffer; readonly address: bigint }
}

/** Memory that stays where it is, so that the kernel may be told its address. */
export function fixedMemory(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes))
}

/** Null where it cannot be had: another system, or the optional package `koffi` is not there for it. */
export async function loadLibc(): Promise<Libc | null> {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return null
  try {
    const koffi = await import('koffi')
    const program = koffi.load(null)
    const functions = Object.entries(SIGNATURES).map(([name, signature]) => [name, program.func(signature)])
    const call = Object.fromEntries(functions) as Libc['call']
    const mmap = program.func(MMAP) as (...args: (Argument | null)[]) => bigint
    return {
      call,
      errno: () => koffi.errno(),
      must: (name, ...args) => {
        const answer = call[name](...args)
        if (answer < 0) throw new SystemCallError(name, koffi.errno())
        return answer
      },
      addressOf: (memory) => koffi.address(memory),
      shared: (descriptor, bytes, offset) => {
        const address = mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, offset)
        if (address === null || address === MAP_FAILED) throw new SystemCallError('mmap', koffi.errno())
        return { memory: koffi.view(address, bytes), address }
      },
    }
  } catch {
    return null
  }
}
