import { isStoreError, StoreError } from '@zot-artifact-store/spec';
import { pino } from 'pino';
import { createContentStore } from '../../server/src/content/create-content-store.ts';
import { fsck } from '../../server/src/content/fsck.ts';
import { collectGarbage } from '../../server/src/content/gc.ts';
import { HashPool } from '../../server/src/content/hashing/hash-pool.ts';
import { MemoryBlobDriver } from '../../server/src/drivers/memory/memory-blob-driver.ts';
import type { Permission, Principal } from '../../server/src/extension/access.ts';
import type { Vetoes } from '../../server/src/extension/contract.ts';
import type { NewEvent } from '../../server/src/extension/events.ts';
import { VetoChain } from '../../server/src/extension/veto-chain.ts';
import { createPostForms } from '../../server/src/extensions/s3/auth/post-forms.ts';
import { parseBucketName } from '../../server/src/extensions/s3/bucket-name.ts';
import { type S3Options, s3Section } from '../../server/src/extensions/s3/config.ts';
import type { S3Deps } from '../../server/src/extensions/s3/deps.ts';
import { createUploads } from '../../server/src/extensions/s3/multipart/uploads.ts';
import { createS3Protocols } from '../../server/src/extensions/s3/protocol.ts';
import { createBuckets, type StoredBucket } from '../../server/src/extensions/s3/store/buckets.ts';
import { createVersions } from '../../server/src/extensions/s3/store/create-versions.ts';
import { createDocuments } from '../../server/src/extensions/s3/store/documents.ts';
import { KeyTurns } from '../../server/src/extensions/s3/store/key-turns.ts';
import { createS3Owners } from '../../server/src/extensions/s3/store/owners.ts';
import type { BucketRecord } from '../../server/src/extensions/s3/store/records.ts';
import { createUsers } from '../../server/src/extensions/s3/store/users.ts';
import type { Reply, RequestBody, RequestHead } from '../../server/src/http/protocol.ts';
import { MemoryMetadataStore } from '../../server/src/metadata/memory/memory-metadata-store.ts';
import { replyText } from './oci-run.ts';
import { NOBODY_ELSE } from './s3-authentication.ts';
import { type Stepper, steppedDriver, steppedMetadata } from './stepped-store.ts';

export const GRACE_MS = 1_000;
export const ALICE: Principal = { kind: 'user', name: 'alice', groups: [], via: 'test', isRoot: false };

/** Signs forms in the name of ALICE. */
export const ALICES_KEY = { accessKeyId: 'ALICE', secretAccessKey: 'secret-of-alice' };
const ROOT = { user: 'root', password: 'root-password' };
const KEYS = {
  find: async (accessKeyId: string) =>
    accessKeyId === ALICES_KEY.accessKeyId ? { ...ALICES_KEY, user: 'alice', createdAtMs: 0 } : undefined,
};

export interface S3BenchOptions {
  readonly options?: Partial<S3Options>;
  readonly vetoes?: Vetoes;
}

export interface S3Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** As if the body had come chunked. */
  readonly isLengthUnknown?: boolean;
  /** What Content-Length says, when that is not the length of the body. */
  readonly declaredBytes?: number;
  /** Sent besides `headers`, where names repeat. */
  readonly rawHeaders?: readonly string[];
  readonly principal?: Principal;
  /** What the authorisers say beyond the operation's own permissions; everything is allowed by default. */
  can?(permission: Permission): boolean;
}

export interface S3Reply extends Reply {
  readonly text: string;
  /** A header that is there once. */
  header(name: string): string | undefined;
  /** Code of an error document. */
  readonly code: string | undefined;
}

/** The S3 extension over memory drivers, a clock that the test moves, and requests without sockets. */
export class S3Bench {
  readonly metadata = new MemoryMetadataStore();
  readonly driver = new MemoryBlobDriver();
  readonly hashing = new HashPool({ threads: 1 });
  readonly log = pino({ level: 'silent' });
  readonly events: NewEvent[] = [];
  readonly deps: S3Deps;
  nowMs = 1_700_000_000_000;
  readonly #options: S3BenchOptions;

  constructor(options: S3BenchOptions = {}) {
    this.#options = options;
    this.deps = this.worker();
  }

  get clock() {
    return { now: () => this.nowMs };
  }

  /** A further worker on the same stores. */
  worker(step?: Stepper): S3Deps {
    const { hashing, clock, log } = this;
    const metadata = step === undefined ? this.metadata : steppedMetadata(this.metadata, step);
    const driver = step === undefined ? this.driver : steppedDriver(this.driver, step);
    const store = { metadata, driver, volume: '', hashing, clock, graceMs: GRACE_MS, log };
    const content = createContentStore(store);
    const vetoes = new VetoChain();
    vetoes.seal([this.#options.vetoes ?? {}]);
    const buckets = createBuckets(metadata, clock);
    const options = { ...s3Section.parse({}), ...this.#options.options };
    return {
      metadata,
      content,
      clock,
      log,
      vetoes,
      events: { write: (_transaction, event) => this.events.push(event) },
      options,
      buckets,
      documents: createDocuments(metadata, buckets),
      versions: createVersions({ metadata, content, clock }),
      turns: new KeyTurns(),
      users: createUsers(metadata, ['root']),
      keyring: { server: Buffer.alloc(32, 1), named: new Map([['key-1', Buffer.alloc(32, 2)]]) },
      uploads: createUploads({ metadata, content, buckets, clock }),
      postForms: createPostForms({ ...options, root: ROOT, keys: KEYS, clock, ...NOBODY_ELSE }),
    };
  }

  async createBucket(name = 'bucket', record: Partial<BucketRecord> = {}): Promise<StoredBucket> {
    return this.deps.buckets.create(parseBucketName(name), {
      owner: 'alice',
      region: this.deps.options.region,
      versioning: 'unversioned',
      objectLock: false,
      ownership: 'BucketOwnerEnforced',
      acl: [],
      documents: {},
      ...record,
    });
  }

  bucket(name = 'bucket'): Promise<StoredBucket> {
    return this.deps.buckets.require(parseBucketName(name));
  }

  /** One request, as the pipeline runs it once the operation's own permissions were granted. */
  async send(target: string, request: S3Request = {}, deps: S3Deps = this.deps): Promise<S3Reply> {
    const head = headOf(target, request);
    const protocol = createS3Protocols(deps).find((each) => each.claims(head));
    if (protocol === undefined) throw new Error(`no protocol claims ${target}`);
    let reply: Reply;
    try {
      reply = await protocol.run(protocol.classify(head), {
        head,
        body: bodyOf(request),
        principal: request.principal ?? ALICE,
        signal: new AbortController().signal,
        can: async (permission) => request.can?.(permission) ?? true,
        challenges: () => [],
        note: () => {},
        authorizeAs: async (_principal, permissions) => {
          const refused = permissions.find((permission) => request.can?.(permission) === false);
          if (refused !== undefined) throw new StoreError('denied', `${refused.action} is not allowed`);
        },
      });
    } catch (error) {
      if (!isStoreError(error)) throw error;
      reply = await protocol.renderError(error, head);
    }
    const text = head.method === 'HEAD' ? '' : await replyText(reply);
    return {
      ...reply,
      text,
      code: /<Code>(\w+)<\/Code>/.exec(text)?.[1],
      header: (name) => {
        const value = reply.headers[name];
        return typeof value === 'string' ? value : value?.[0];
      },
    };
  }

  async collect(): Promise<void> {
    const { metadata, driver, nowMs, log } = this;
    await collectGarbage({ metadata, driver, volume: '', now: nowMs, graceMs: GRACE_MS, log });
  }

  /** What the check of the store has to say, as lines; empty when all is well. */
  async problems(): Promise<readonly string[]> {
    const { metadata, driver } = this;
    const report = await fsck({ metadata, driver, volume: '', owners: createS3Owners(metadata) });
    return [...report.errors, ...report.notes].map(({ kind, detail }) => `${kind}: ${detail}`);
  }

  async close(): Promise<void> {
    await this.hashing.close();
  }
}

function headOf(target: string, request: S3Request): RequestHead {
  const mark = target.indexOf('?');
  const given = Object.entries({ host: 'localhost', ...lengthHeader(request), ...request.headers });
  // An undefined one leaves out what a client sends.
  const sent = given.filter(([, value]) => value !== undefined);
  return {
    id: 'request-1',
    method: request.method ?? 'GET',
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: Object.fromEntries(sent.map(([name, value]) => [name.toLowerCase(), value])),
    rawHeaders: [...sent.flatMap(([name, value]) => [name, value ?? '']), ...(request.rawHeaders ?? [])],
    remoteAddress: '127.0.0.1',
  };
}

/** As an HTTP client describes the body it sends. */
function lengthHeader({
  method = 'GET',
  body,
  isLengthUnknown,
  declaredBytes,
}: S3Request): Readonly<Record<string, string>> {
  const isStream = typeof body === 'object' && Symbol.asyncIterator in body;
  if (isStream || isLengthUnknown === true) return { 'transfer-encoding': 'chunked' };
  if (body === undefined && (method === 'GET' || method === 'HEAD')) return {};
  return { 'content-length': String(declaredBytes ?? Buffer.byteLength(body ?? '')) };
}

function bodyOf({ body = '', isLengthUnknown = false, declaredBytes }: S3Request): RequestBody {
  const isStream = typeof body === 'object' && Symbol.asyncIterator in body;
  const bytes = isStream ? undefined : Buffer.from(body);
  return {
    declaredBytes: isLengthUnknown ? undefined : (declaredBytes ?? bytes?.length),
    collect: async () => bytes ?? Buffer.alloc(0),
    async *[Symbol.asyncIterator]() {
      if (isStream) yield* body;
      else if (bytes !== undefined && bytes.length > 0) yield bytes;
    },
  };
}
