import { z } from 'zod';
import { networkProblem } from './api-keys/networks.ts';

const network = z
  .string({ error: 'must be an address or a network such as "10.0.0.0/8"' })
  .refine((text) => networkProblem(text) === undefined, {
    error: 'must be an address or a network such as "10.0.0.0/8"',
  });

/** Whose word is taken for where a request comes from. */
export const proxyFields = {
  trustedProxies: z.array(network, { error: 'must be a list of networks' }).max(100).default([]).meta({
    description:
      'Addresses and networks of proxies whose X-Forwarded-For, -Proto and -Host are believed, for logins and for addresses in keys. Default none.',
  }),
};
