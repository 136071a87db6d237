/**
 * How datagrams reach the network, each where the one before it cannot be had: `rings`, many by one system call;
 * `system`, a system call for each; `node`, the sockets of Node. Signalling, whose datagrams come and go one by one, has no
 * use for rings.
 */
export type UdpSockets = 'rings' | 'system' | 'node'
