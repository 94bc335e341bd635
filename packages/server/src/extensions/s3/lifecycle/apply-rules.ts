import { type ErrorKind, isStoreError } from '@zot-artifact-store/spec';
import type { LifecycleRule } from '../config-documents/lifecycle.ts';
import type { S3Deps } from '../deps.ts';
import { listUploads } from '../listing/list-uploads.ts';
import { listVersions, type VersionEntry } from '../listing/list-versions.ts';
import { assertNotLocked } from '../object/protection.ts';
import { storedLifecycle } from '../operations/bucket-lifecycle.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { ObjectVersion, VersionRecord } from '../store/records.ts';
import { versionIdOf } from '../store/versions.ts';
import { commonPrefix, isFiltered } from './matching.ts';

export interface LifecycleReport {
  expired: number;
  versions: number;
  markers: number;
  uploads: number;
}

type Entry = Extract<VersionEntry, { kind: 'version' }>;

const PAGE = 500;
const BUCKETS = 100;
/** Errors that are about one version. */
const STAYS: ReadonlySet<ErrorKind> = new Set(['denied', 'in-use', 'precondition-failed', 'conflict']);

/** Applies the lifecycle rules of every bucket that has some, as of now. */
export async function applyLifecycle(deps: S3Deps, signal: AbortSignal): Promise<LifecycleReport> {
  const report: LifecycleReport = { expired: 0, versions: 0, markers: 0, uploads: 0 };
  let after: string | undefined;
  for (;;) {
    const buckets = await deps.buckets.list({ limit: BUCKETS, ...(after === undefined ? {} : { after }) });
    for (const bucket of buckets) {
      try {
        await applyTo(bucket, deps, { report, signal });
      } catch (error) {
        // What is wrong with one bucket does not keep the others.
        if (signal.aborted || isStoreError(error, 'unavailable')) throw error;
        deps.log.error({ bucket: bucket.name, err: error }, 'lifecycle rules of a bucket not applied');
      }
    }
    after = buckets.at(-1)?.name;
    if (after === undefined || buckets.length < BUCKETS) return report;
  }
}

async function applyTo(
  bucket: StoredBucket,
  deps: S3Deps,
  { report, signal }: { readonly report: LifecycleReport; readonly signal: AbortSignal },
): Promise<void> {
  const rules = await deps.documents.parsed(bucket, 'lifecycle', storedLifecycle);
  const enabled = rules?.filter((rule) => rule.enabled) ?? [];
  if (enabled.length > 0) await new BucketRun(deps, bucket, { rules: enabled, report, signal }).run();
}

class BucketRun {
  readonly #deps: S3Deps;
  readonly #bucket: StoredBucket;
  readonly #rules: readonly LifecycleRule[];
  readonly #report: LifecycleReport;
  readonly #signal: AbortSignal;
  readonly #nowMs: number;
  readonly #dayMs: number;

  constructor(
    deps: S3Deps,
    bucket: StoredBucket,
    options: {
      readonly rules: readonly LifecycleRule[];
      readonly report: LifecycleReport;
      readonly signal: AbortSignal;
    },
  ) {
    this.#deps = deps;
    this.#bucket = bucket;
    this.#rules = options.rules;
    this.#report = options.report;
    this.#signal = options.signal;
    this.#nowMs = deps.clock.now();
    this.#dayMs = deps.options.lifecycleDaySeconds * 1000;
  }

  async run(): Promise<void> {
    const ofUploads = this.#rules.filter((rule) => rule.abortUploadsAfterDays !== undefined);
    if (ofUploads.length > 0) await this.#abortUploads(ofUploads);
    const ofVersions = this.#rules.filter((rule) => rule.expiration ?? rule.noncurrentExpiration);
    if (ofVersions.length > 0) await this.#walkVersions(ofVersions);
  }

  /** Versions come newest first for each key, so what is known of a key when its next version comes is enough. */
  async #walkVersions(rules: readonly LifecycleRule[]): Promise<void> {
    const prefix = commonPrefix(rules.map(({ filter }) => filter));
    let after: { readonly key: string; readonly order?: string } = { key: '' };
    let newer: { readonly entry: Entry; readonly noncurrent: number } | undefined;
    for (;;) {
      this.#signal.throwIfAborted();
      const page = await listVersions(this.#deps.metadata, {
        bucketId: this.#bucket.record.id,
        prefix,
        delimiter: '',
        after,
        limit: PAGE,
      });
      const entries = page.entries.filter((entry) => entry.kind === 'version');
      for (const [index, entry] of entries.entries()) {
        const isOfSameKey = newer?.entry.key === entry.key;
        const noncurrent = isOfSameKey ? (newer?.noncurrent ?? 0) + 1 : 0;
        const next = entries[index + 1];
        const isOnly = !isOfSameKey && next?.key !== entry.key && (next !== undefined || !page.isTruncated);
        await leaveForLater(() =>
          this.#judge(rules, entry, {
            noncurrent,
            sinceMs: isOfSameKey ? newer?.entry.record.modifiedAtMs : undefined,
            isOnly,
          }),
        );
        newer = { entry, noncurrent };
      }
      const last = entries.at(-1);
      if (!page.isTruncated || last === undefined) return;
      after = { key: last.key, order: last.record.order };
    }
  }

  async #judge(
    rules: readonly LifecycleRule[],
    { key, record }: Entry,
    place: { readonly noncurrent: number; readonly sinceMs: number | undefined; readonly isOnly: boolean },
  ): Promise<void> {
    for (const rule of rules) {
      if (!(await this.#isAbout(rule, key, record))) continue;
      if (place.sinceMs === undefined) {
        if (record.kind === 'marker') {
          if (place.isOnly && this.#isMarkerDue(rule, record.modifiedAtMs)) {
            return this.#removeVersion(key, record, 'markers');
          }
        } else if (this.#isDue(rule, record.modifiedAtMs)) return this.#expire(key, record);
        continue;
      }
      const { noncurrentExpiration } = rule;
      if (noncurrentExpiration === undefined) continue;
      const isKept = place.noncurrent <= (noncurrentExpiration.newerVersions ?? 0);
      if (!isKept && this.#isOlder(place.sinceMs, noncurrentExpiration.days)) {
        return this.#removeVersion(key, record, 'versions');
      }
    }
  }

  async #isAbout({ filter }: LifecycleRule, key: string, record: VersionRecord): Promise<boolean> {
    if (record.kind === 'marker') return isFiltered({ ...filter, tags: [] }, { key });
    if (filter.tags.length === 0) return isFiltered(filter, { key, sizeBytes: record.sizeBytes });
    const { tags } = await this.#deps.versions.extra({ bucket: this.#bucket, key }, record);
    return isFiltered(filter, { key, sizeBytes: record.sizeBytes, tags });
  }

  #isDue({ expiration }: LifecycleRule, modifiedAtMs: number): boolean {
    if (expiration?.date !== undefined) return Date.parse(expiration.date) <= this.#nowMs;
    return expiration?.days !== undefined && this.#isOlder(modifiedAtMs, expiration.days);
  }

  #isMarkerDue({ expiration }: LifecycleRule, modifiedAtMs: number): boolean {
    if (expiration?.expiredObjectDeleteMarker === true) return true;
    return expiration?.days !== undefined && this.#isOlder(modifiedAtMs, expiration.days);
  }

  #isOlder(sinceMs: number, days: number): boolean {
    return this.#nowMs - sinceMs >= days * this.#dayMs;
  }

  /** As a DELETE of the key: a marker hides it where the bucket keeps versions. Not when it was written again since. */
  async #expire(key: string, seen: ObjectVersion): Promise<void> {
    const { content, buckets, versions } = this.#deps;
    await this.#askVetoes(key);
    await content.transact([], async (transaction) => {
      const bucket = await buckets.find(this.#bucket.name);
      if (bucket?.record.id !== this.#bucket.record.id) return;
      const place = { bucket, key };
      const now = await versions.current(place);
      if (now?.record.order !== seen.order) return;
      const { marker } = await versions.remove(transaction, place, bucket.record.owner);
      this.#tell(transaction, key, marker === undefined ? undefined : versionIdOf(marker));
      this.#report.expired += 1;
    });
  }

  async #removeVersion(key: string, seen: VersionRecord, counted: 'versions' | 'markers'): Promise<void> {
    const { content, buckets, versions } = this.#deps;
    await this.#askVetoes(key);
    try {
      await content.transact([], async (transaction) => {
        const bucket = await buckets.find(this.#bucket.name);
        if (bucket?.record.id !== this.#bucket.record.id) return;
        const removed = await versions.removeVersion(
          transaction,
          { bucket, key },
          versionIdOf(seen),
          (version) => {
            if (version.order !== seen.order) throw new VersionChanged();
            assertNotLocked(version, { mayBypass: false, nowMs: this.#nowMs });
          },
        );
        if (removed === undefined) return;
        this.#tell(transaction, key, versionIdOf(seen));
        this.#report[counted] += 1;
      });
    } catch (error) {
      if (!(error instanceof VersionChanged)) throw error;
    }
  }

  async #askVetoes(key: string): Promise<void> {
    const principal = { kind: 'anonymous' } as const;
    const repository = `s3/${this.#bucket.name}`;
    await this.#deps.vetoes.beforeDelete({ principal, repository, kind: 'object', reference: key });
  }

  #tell(
    transaction: Parameters<S3Deps['events']['write']>[0],
    key: string,
    versionId: string | undefined,
  ): void {
    this.#deps.events.write(transaction, {
      type: 'object.deleted',
      repository: `s3/${this.#bucket.name}`,
      bucket: this.#bucket.name,
      key,
      ...(versionId !== undefined && { versionId }),
      operation: 'expired',
    });
  }

  async #abortUploads(rules: readonly LifecycleRule[]): Promise<void> {
    const { metadata, content, uploads, buckets } = this.#deps;
    const prefix = commonPrefix(rules.map(({ filter }) => filter));
    let after = { key: '', uploadId: '' };
    for (;;) {
      this.#signal.throwIfAborted();
      const page = await listUploads(metadata, {
        bucketId: this.#bucket.record.id,
        prefix,
        delimiter: '',
        after,
        limit: PAGE,
      });
      const entries = page.entries.filter((entry) => entry.kind === 'upload');
      for (const { key, uploadId, record } of entries) {
        const isDue = rules.some(
          ({ filter, abortUploadsAfterDays = 0 }) =>
            isFiltered(filter, { key }) && this.#isOlder(record.initiatedAtMs, abortUploadsAfterDays),
        );
        if (!isDue) continue;
        await content.transact([], async (transaction) => {
          const bucket = await buckets.find(this.#bucket.name);
          if (bucket?.record.id !== this.#bucket.record.id) return;
          const upload = await uploads.find({ bucket, key, uploadId });
          if (upload === undefined) return;
          transaction.mayUseReserve = true;
          uploads.end(transaction, { bucket, key, uploadId }, upload);
          this.#report.uploads += 1;
        });
      }
      const last = entries.at(-1);
      if (!page.isTruncated || last === undefined) return;
      after = { key: last.key, uploadId: last.uploadId };
    }
  }
}

/** What is locked, what somebody has a veto against, and what changes just now stays until the next run. */
async function leaveForLater(judge: () => Promise<void>): Promise<void> {
  try {
    await judge();
  } catch (error) {
    if (!isStoreError(error) || !STAYS.has(error.kind)) throw error;
  }
}

class VersionChanged extends Error {
  override readonly name = 'VersionChanged';
}
