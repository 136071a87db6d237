import { z } from 'zod'

/** Times faster than a real network; the call id carries it in hundredths. */
export const SPEED_MIN = 0.01
export const SPEED_MAX = 100_000

const httpUrl = z.url({ protocol: /^https?$/, error: 'Write an address such as http://127.0.0.1:7300' })

/**
 * Settings of a loopback trunk. Without `url` the network is simulated inside this process; with it the trunk
 * speaks to a simulated network in a process of its own, started by `carillon loopback --listen`.
 */
export const loopbackSettings = z
  .strictObject({
    /** How many times faster than a real network the in-process one runs. A process of its own has its own speed. */
    speed: z.number().min(SPEED_MIN).max(SPEED_MAX).default(1),
    /** Where the network in a process of its own listens, for example `http://127.0.0.1:7300`. */
    url: httpUrl.meta({ target: true }).optional(),
    /** Shared with that process: authenticates our requests and signs its callbacks. */
    secret: z.string().min(16).max(200).meta({ secret: true }).optional(),
    /** Base addresses of the nodes, when there is no balancer in front of them; else the public address is used. */
    nodeUrls: z.array(httpUrl).min(1).max(20).optional(),
  })
  .refine((settings) => settings.url === undefined || settings.secret !== undefined, {
    path: ['secret'],
    error: 'A network in a process of its own needs the secret it was started with',
  })

export type LoopbackSettings = z.infer<typeof loopbackSettings>
