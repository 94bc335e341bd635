import { isIP } from 'node:net';
import { z } from 'zod';
import { flag, size, wholeNumber } from '../../config/fields.ts';

const DAY_SECONDS = 86_400;
const MIB = 1024 * 1024;
const MAX_LISTED = 100;

/** A region is a part of a signature's scope, whose parts a slash separates. */
const REGION = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9_./:-]{0,127}$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

const domain = z
  .string({ error: 'must be a host name' })
  .transform((name) => name.toLowerCase())
  .refine((name) => HOST_NAME.test(name) && isIP(name) === 0, {
    error: 'must be a host name such as "s3.example.com", without a port or a wildcard',
  });

const network = z
  .string({ error: 'must be an address or a network' })
  .refine(isNetwork, { error: 'must be an address such as "10.0.0.1" or a network such as "10.0.0.0/8"' });

const endpoint = z
  .string({ error: 'must be a URL' })
  .max(4096)
  .refine(isEndpoint, {
    error: 'must be a scheme, a host and at most a path, such as "https://s3.example.com"',
  })
  .transform((url) => new URL(url).href.replace(/\/$/, ''));

const keyFile = z
  .string({ error: 'must be the path of a file' })
  .min(1, 'must be the path of a file')
  .meta({ description: 'The file with the key of this name.' });

/** `extensions.s3` of the config file. */
export const s3Section = z
  .strictObject({
    enable: flag('False serves no S3. Default true.').default(true),
    region: z
      .string({ error: 'must be a string' })
      .regex(REGION, 'must be a region such as "us-east-1": letters, digits, "-" and "_"')
      .default('us-east-1')
      .meta({
        description: 'The region buckets are in and signatures must be made for. Default "us-east-1".',
      }),
    acceptAnyRegion: flag('Whether signatures made for other regions are accepted. Default false.').default(
      false,
    ),
    domains: z
      .array(domain, { error: 'must be a list of host names' })
      .max(MAX_LISTED)
      .default([])
      .meta({ description: 'With "s3.example.com", bucket.s3.example.com is a bucket. Default none.' }),
    publicUrl: endpoint.optional().meta({
      description:
        'How clients reach S3 when a proxy changes the Host they send or takes off the beginning of the path.',
    }),
    trustedProxies: z
      .array(network, { error: 'must be a list of networks' })
      .max(MAX_LISTED)
      .default([])
      .meta({ description: 'Addresses and networks whose X-Forwarded headers are believed. Default none.' }),
    signatureV2: z
      .union(
        [z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true'), z.literal('all')],
        {
          error: 'must be true, false or "all"',
        },
      )
      .default(true)
      .meta({
        description:
          'Whether version 2 of signatures is accepted: true in the query and in forms, "all" in the Authorization header too. Default true.',
      }),
    maxClockSkewSeconds: wholeNumber(
      'How far the clock of a client may differ, in seconds. Default 900, as at AWS.',
      { min: 1, max: DAY_SECONDS },
    ).default(900),
    defaultOwnership: z
      .enum(['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'], {
        error: 'must be "BucketOwnerEnforced", "BucketOwnerPreferred" or "ObjectWriter"',
      })
      .default('BucketOwnerEnforced')
      .meta({
        description:
          'Whose the objects in new buckets are, unless their creator says; ACLs have a say only with the other two. Default "BucketOwnerEnforced", as at AWS.',
      }),
    lifecycleDaySeconds: wholeNumber(
      'How long a day of lifecycle rules is, in seconds; shorter ones are for tests. Default 86400.',
      { min: 1, max: DAY_SECONDS },
    ).default(DAY_SECONDS),
    kmsKeys: z
      .record(z.string().regex(KEY_NAME, 'must be the name of a key: letters, digits and "-_./:"'), keyFile)
      .default({})
      .meta({
        description:
          'Keys that clients can name for SSE-KMS, each with the file that holds it: 64 hex digits, as "openssl rand -hex 32" makes them. Default none.',
      }),
    customerKeysOverHttp: flag(
      'Whether clients may send keys of their own (SSE-C) over a connection without TLS. Default false, as at AWS.',
    ).default(false),
    minPartBytes: size(
      'The least size of a part of a multipart upload, except the last. Default "5MiB", as at AWS.',
      {
        min: 1,
        max: 5 * 1024 * MIB,
      },
    ).default(5 * MIB),
  })
  .meta({ description: 'The S3 API. Served unless enable is false.' });

export type S3Options = z.output<typeof s3Section>;

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  // A scoped address (`fe80::1%eth0`) means nothing beyond the link.
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
