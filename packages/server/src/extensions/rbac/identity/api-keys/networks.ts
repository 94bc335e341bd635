import { isIP } from 'node:net';
import { StoreError } from '@zot-artifact-store/spec';
import { trustedProxies as matcherOf } from '../../../../http/trusted-proxies.ts';

const MAX_NETWORKS = 20;

/** Why `network` is neither an address nor `address/prefix`, or undefined. */
export function networkProblem(network: string): string | undefined {
  const [address = '', prefix, ...rest] = network.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  const isRight = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (isIP(address) !== 0 && isRight && rest.length === 0) return undefined;
  return `${JSON.stringify(network.slice(0, 60))} is not a network such as "192.0.2.0/24"`;
}

/** Throws `argument-invalid`. */
export function assertNetworks(networks: readonly string[]): void {
  if (networks.length > MAX_NETWORKS) {
    throw new StoreError('argument-invalid', `there are ${MAX_NETWORKS} networks at most`);
  }
  for (const network of networks) {
    const problem = networkProblem(network);
    if (problem !== undefined) throw new StoreError('argument-invalid', problem);
  }
}

/** Whether `address` is in one of the networks; an IPv4 address that came over IPv6 is the IPv4 one. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return matcherOf(networks)(plain);
}
