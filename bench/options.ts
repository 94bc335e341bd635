import { parseArgs } from 'node:util';
import type { S3Access } from './load/s3-access.ts';

export interface Options {
  readonly peer:
    | { readonly kind: 'default' }
    | { readonly kind: 'none' }
    | { readonly kind: 'binary'; readonly path: string }
    | { readonly kind: 'url'; readonly url: string };
  /** The S3 workloads instead of the registry's. */
  readonly s3: boolean;
  /** Of a peer at a URL. */
  readonly access: S3Access | undefined;
  readonly filters: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly rounds: number;
  readonly workers: number | undefined;
  /** Experiments on scale to run instead of the workloads. */
  readonly scale: readonly string[];
  readonly scaleCount: number;
}

export const HELP = `npm run bench -- [options]

Runs the workloads of zb (zot's benchmark), under the same names, and some more against this
repository's server and a peer in turns, and prints both with their ratio. Medians of the rounds.
Both start anew, with an empty store in the folder for temporary files, for every workload.

  --s3                  the workloads of warp (MinIO's benchmark) instead, over S3
  --peer-binary <path>  docker-registry or zot (default: Debian's docker-registry, installed with
                        apt-get when it is missing and you are root); with --s3 minio or
                        versitygw (default: no peer)
  --peer-url <url>      a registry that runs already and is open to everyone, or with --s3 an S3
                        server that takes the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;
                        it keeps what it gets
  --no-peer             this server alone
  --filter <text>       only workloads with this in their name; may be given several times
  --quick               one short round each, and shorter lists: to see that all works
  --rounds <count>      rounds of each workload on each server (default 3; quick: 1)
  --workers <count>     processes of our server (default: one per core)
  --json                the result as JSON on standard output
  --list                names of the workloads and of the experiments
  --scale <name>        an experiment on our server alone instead; 'all' is every one:
                          start        time to readiness, with an empty and with a large store
                          head         p99 of a manifest HEAD, with an empty and with a large store
                          memory       memory of each worker while eight uploads of 1 GB run
                          decisions    time to decide who may do what with 1,000 policies
  --scale-count <n>     tags and manifests in the large store (default 1000000; quick: 20000)
`;

const MOST_ROUNDS = 50;
const MOST_WORKERS = 128;
const MOST_STORED = 10_000_000;

/** Throws an Error with a sentence for the user. */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      s3: { type: 'boolean', default: false },
      'peer-binary': { type: 'string' },
      'peer-url': { type: 'string' },
      'no-peer': { type: 'boolean', default: false },
      filter: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      workers: { type: 'string' },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      scale: { type: 'string', multiple: true, default: [] },
      'scale-count': { type: 'string' },
    },
  });
  const { quick, rounds, workers, s3 } = values;
  if (s3 && values.scale.length > 0) throw new Error('the experiments of --scale are not about S3');
  const peer = peerOf(values);
  return {
    peer: s3 && peer.kind === 'default' ? { kind: 'none' } : peer,
    s3,
    access: s3 && peer.kind === 'url' ? accessOf(env) : undefined,
    filters: values.filter,
    quick,
    json: values.json,
    list: values.list,
    help: values.help,
    rounds: rounds === undefined ? (quick ? 1 : 3) : count('--rounds', rounds, MOST_ROUNDS),
    workers: workers === undefined ? undefined : count('--workers', workers, MOST_WORKERS),
    scale: values.scale,
    scaleCount:
      values['scale-count'] === undefined
        ? quick
          ? 20_000
          : 1_000_000
        : count('--scale-count', values['scale-count'], MOST_STORED),
  };
}

function peerOf(values: {
  readonly 'peer-binary'?: string | undefined;
  readonly 'peer-url'?: string | undefined;
  readonly 'no-peer': boolean;
}): Options['peer'] {
  const { 'peer-binary': path, 'peer-url': url, 'no-peer': none } = values;
  const given = [path !== undefined, url !== undefined, none].filter(Boolean).length;
  if (given > 1) throw new Error('give one of --peer-binary, --peer-url and --no-peer');
  if (path !== undefined) return { kind: 'binary', path };
  if (url !== undefined) return { kind: 'url', url };
  return { kind: none ? 'none' : 'default' };
}

function accessOf(env: NodeJS.ProcessEnv): S3Access {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region } = env;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error('--s3 with --peer-url needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  return { accessKeyId, secretAccessKey, region: region ?? 'us-east-1' };
}

function count(option: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1 && number <= most) return number;
  throw new Error(`${option} takes a whole number from 1 to ${most}, not "${text}"`);
}
