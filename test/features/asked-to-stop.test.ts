import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import type { Carrier, CarrierContext } from '../../src/carriers/carrier.ts'
import { type DispatchWorld, dispatchWorld, numbersEnding, until } from '../dispatch-world.ts'

let world: DispatchWorld

afterEach(() => world.close())

/** Tells the end of each call to another node than the one that placed it, as a balancer in front of them may. */
function crossedCarriers() {
  const reports: CarrierContext['report'][] = []
  return (index: number) =>
    (context: CarrierContext): Carrier => {
      reports[index] = context.report
      const other = 1 - index
      return {
        traits: {
          lookUpIsComplete: true,
          firstLookUpDelayMs: 60_000,
          nextLookUpDelaysMs: [],
          pollSilentCallAfterMs: 60_000,
        },
        async place({ ref }) {
          while (reports[other] === undefined) await setImmediate()
          const told = {
            ref,
            carrierCallId: `LB${ref}`,
            atEpochMs: context.clock.nowEpochMs(),
            answeredBy: 'human',
          } as const
          reports[other]!({ ...told, kind: 'answered' })
          reports[other]!({
            ...told,
            kind: 'ended',
            disposition: 'answered',
            cause: 'callee-hung-up',
            keysPressed: ref.endsWith('0') ? '' : '9',
          })
        },
        hangUp() {},
        lookUp: async () => ({ found: false, reason: 'cannot-tell' }),
        probe: async () => true,
        close: async () => undefined,
      }
    }
}

it('suppresses who pressed the stop key, whichever node the carrier tells it', async () => {
  world = await dispatchWorld()
  const openCarrier = crossedCarriers()
  await world.addNode({ name: 'a', openCarrier: openCarrier(0) })
  await world.addNode({ name: 'b', openCarrier: openCarrier(1) })
  const batchId = await world.addBatch({ numbers: numbersEnding(Array.from({ length: 40 }, () => 0)) })
  await until(async () => {
    const [row] = await world.ask('SELECT status FROM batch_state WHERE batch_id = $1', [batchId])
    return row.status === 4
  }, 'the batch is completed')
  const asked = await world.ask(
    `SELECT number FROM recipient r JOIN attempt a USING (seq) WHERE a.keys_pressed = '9' ORDER BY 1`,
  )
  expect(asked.length).toBeGreaterThan(10)
  expect(await world.ask('SELECT number FROM suppression ORDER BY 1')).toEqual(asked)
})
