import type { Digest } from '@zot-artifact-store/spec';
import { encodeKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/metadata-store.ts';

/**
 * The tables of the registry. Each begins with its mark, then what the row is found by.
 * R repository · M manifest · T tag · t tag by digest · m blob that is a member of a repository · r what a manifest
 * names but may do without (index children, foreign layers), by the named digest · F referrer by subject · U upload
 * session · u segment of an upload · k upload that claims a staged object · C membership to look at again, by due
 * time · D upload to look at again, by due time · d upload that is over, by when it was opened · e repository that may
 * have become empty.
 */
const REPOSITORY = 0x52;
const MANIFEST = 0x4d;
const TAG = 0x54;
const TAG_OF = 0x74;
const MEMBER = 0x6d;
const REFERENCE = 0x72;
const REFERRER = 0x46;
const UPLOAD = 0x55;
const SEGMENT = 0x75;
const CLAIM = 0x6b;
const MEMBER_DUE = 0x43;
const UPLOAD_DUE = 0x44;
const UPLOAD_OVER = 0x64;
const MAYBE_EMPTY = 0x65;

export const registryKeys = {
  repository: (name: string): Key => encodeKey(REPOSITORY, name),
  repositories: (): Key => encodeKey(REPOSITORY),

  manifest: (repository: string, digest: Digest): Key => encodeKey(MANIFEST, repository, { digest }),
  manifests: (repository: string): Key => encodeKey(MANIFEST, repository),
  allManifests: (): Key => encodeKey(MANIFEST),

  tag: (repository: string, tag: string): Key => encodeKey(TAG, repository, tag),
  tags: (repository: string): Key => encodeKey(TAG, repository),
  allTags: (): Key => encodeKey(TAG),
  tagOf: (repository: string, digest: Digest, tag: string): Key =>
    encodeKey(TAG_OF, repository, { digest }, tag),
  tagsOf: (repository: string, digest: Digest): Key => encodeKey(TAG_OF, repository, { digest }),
  allTagsOf: (): Key => encodeKey(TAG_OF),

  member: (repository: string, digest: Digest): Key => encodeKey(MEMBER, repository, { digest }),
  members: (repository: string): Key => encodeKey(MEMBER, repository),
  allMembers: (): Key => encodeKey(MEMBER),

  reference: (repository: string, named: Digest, manifest: Digest): Key =>
    encodeKey(REFERENCE, repository, { digest: named }, { digest: manifest }),
  references: (repository: string, named: Digest): Key => encodeKey(REFERENCE, repository, { digest: named }),
  allReferences: (): Key => encodeKey(REFERENCE),

  referrer: (repository: string, subject: Digest, manifest: Digest): Key =>
    encodeKey(REFERRER, repository, { digest: subject }, { digest: manifest }),
  referrers: (repository: string, subject: Digest): Key =>
    encodeKey(REFERRER, repository, { digest: subject }),
  allReferrers: (): Key => encodeKey(REFERRER),

  upload: (repository: string, id: string): Key => encodeKey(UPLOAD, repository, id),
  uploads: (repository: string): Key => encodeKey(UPLOAD, repository),
  segment: (id: string, index: number): Key => encodeKey(SEGMENT, id, index),
  segments: (id: string): Key => encodeKey(SEGMENT, id),
  claim: (stagedId: string): Key => encodeKey(CLAIM, stagedId),

  memberDue: (dueAtMs: number, repository: string, digest: Digest): Key =>
    encodeKey(MEMBER_DUE, dueAtMs, repository, { digest }),
  membersDue: (): Key => encodeKey(MEMBER_DUE),
  /** Below it is everything due before `dueAtMs` (exclusive). */
  membersDueBefore: (dueAtMs: number): Key => encodeKey(MEMBER_DUE, dueAtMs),
  uploadDue: (dueAtMs: number, repository: string, id: string): Key =>
    encodeKey(UPLOAD_DUE, dueAtMs, repository, id),
  uploadsDue: (): Key => encodeKey(UPLOAD_DUE),
  uploadsDueBefore: (dueAtMs: number): Key => encodeKey(UPLOAD_DUE, dueAtMs),
  uploadOver: (createdAtMs: number, id: string): Key => encodeKey(UPLOAD_OVER, createdAtMs, id),
  uploadsOver: (): Key => encodeKey(UPLOAD_OVER),
  /** Below it are those that were opened before `createdAtMs` (exclusive). */
  uploadsOverBefore: (createdAtMs: number): Key => encodeKey(UPLOAD_OVER, createdAtMs),
  maybeEmpty: (repository: string): Key => encodeKey(MAYBE_EMPTY, repository),
  allMaybeEmpty: (): Key => encodeKey(MAYBE_EMPTY),
};
