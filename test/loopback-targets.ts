import { TargetGuard } from '../src/targets/target-guard.ts'

/** What tests run with: receivers on this machine may be reached. */
export const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128']
export const loopbackTargets = new TargetGuard({ allowedNetworks: LOOPBACK_NETWORKS })
