import {
  type Digest,
  type DigestAlgorithm,
  isDigestAlgorithm,
  isTag,
  looksLikeDigest,
  MAX_REPOSITORY_NAME_LENGTH,
  MAX_TAG_LENGTH,
  parseDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  StoreError,
  type Tag,
} from '@zot-artifact-store/spec';
import type { OciAction, Permission } from '../extension/access.ts';
import type { RequestHead } from '../http/protocol.ts';
import { allValues, parseQuery, type QueryPairs } from '../http/query.ts';
import type { ManifestReference, OciOperation } from './operation.ts';
import { parsePageQuery, single } from './page-query.ts';
import { type Route, routeOciPath } from './route.ts';

/** As many `?tag=` as zot takes; the spec asks for 10 at least and lets a registry answer 414 beyond its limit. */
export const MAX_TAG_PARAMETERS = 46;

// Longer than any request line the server reads could fill with tags, so that too many tags are a 414 and not a 400.
const MAX_MANIFEST_QUERY_PAIRS = 16_384;
const LONGEST_DIGEST = 'sha512:'.length + 128;

/** What a request asks for. Pure and linear in the length of the request head. Throws what cannot be understood. */
export function classifyOci(head: RequestHead): OciOperation {
  const route = routeOciPath(head.path);
  switch (route.kind) {
    case 'ping':
      allow(head, 'GET', 'HEAD', 'OPTIONS');
      return { name: 'oci.Ping', permissions: [SERVER_PING] };
    case 'catalog':
      allow(head, 'GET', 'HEAD');
      return {
        name: 'oci.ListRepositories',
        permissions: [{ action: 'oci:ListRepositories', resource: 'repository:*' }],
        page: parsePageQuery(parseQuery(head.query), MAX_REPOSITORY_NAME_LENGTH),
      };
    case 'extensions':
      allow(head, 'GET', 'HEAD');
      return { name: 'oci.DiscoverExtensions', permissions: [SERVER_PING] };
    case 'tags':
      allow(head, 'GET', 'HEAD');
      return {
        name: 'oci.ListTags',
        permissions: [permission('oci:Pull', route.repository)],
        repository: route.repository,
        page: parsePageQuery(parseQuery(head.query), MAX_TAG_LENGTH),
      };
    case 'manifest':
      return classifyManifest(head, route);
    case 'blob':
      return classifyBlob(head, route);
    case 'uploads':
      return classifyStart(head, route.repository);
    case 'upload':
      return classifyUpload(head, route);
    case 'referrers':
      return classifyReferrers(head, route);
  }
}

/** Learning that this is a registry, which extensions it has, and whether one's credentials are right. */
const SERVER_PING: Permission = { action: 'oci:Ping', resource: 'server' };

function classifyManifest(head: RequestHead, route: Route & { kind: 'manifest' }): OciOperation {
  const method = allow(head, 'GET', 'HEAD', 'PUT', 'DELETE');
  const { repository } = route;
  if (method === 'PUT') return classifyPutManifest(head, repository, parseReference(route.reference));
  const reference = parseExistingReference(route.reference);
  if (method === 'DELETE') {
    const permissions = [permission('oci:Delete', repository, reference)];
    return 'tag' in reference
      ? { name: 'oci.DeleteTag', permissions, repository, tag: reference.tag }
      : { name: 'oci.DeleteManifest', permissions, repository, digest: reference.digest };
  }
  return {
    name: method === 'HEAD' ? 'oci.HeadManifest' : 'oci.GetManifest',
    permissions: [permission('oci:Pull', repository, reference)],
    repository,
    reference,
  };
}

function classifyPutManifest(
  head: RequestHead,
  repository: RepositoryName,
  reference: ManifestReference,
): OciOperation {
  const tags = parseTagParameters(parseQuery(head.query, { maxPairs: MAX_MANIFEST_QUERY_PAIRS }));
  if (tags.length > 0 && 'tag' in reference) {
    throw new StoreError('manifest-invalid', 'tag parameters are for a manifest that is pushed by digest', {
      resource: reference.tag,
    });
  }
  const allTags = 'tag' in reference ? [reference.tag] : tags;
  return {
    name: 'oci.PutManifest',
    permissions: [
      permission('oci:Push', repository, reference),
      ...allTags.map((tag) => permission('oci:Tag', repository, { tag })),
    ],
    repository,
    reference,
    tags,
  };
}

function classifyBlob(head: RequestHead, route: Route & { kind: 'blob' }): OciOperation {
  const method = allow(head, 'GET', 'HEAD', 'DELETE');
  const { repository } = route;
  const digest = parseDigest(route.digest);
  if (method === 'DELETE') {
    return {
      name: 'oci.DeleteBlob',
      permissions: [permission('oci:Delete', repository, { digest })],
      repository,
      digest,
    };
  }
  return {
    name: method === 'HEAD' ? 'oci.HeadBlob' : 'oci.GetBlob',
    permissions: [permission('oci:Pull', repository, { digest })],
    repository,
    digest,
  };
}

function classifyStart(head: RequestHead, repository: RepositoryName): OciOperation {
  allow(head, 'POST');
  const query = parseQuery(head.query);
  const mount = single(query, 'mount');
  const from = single(query, 'from');
  const digestText = single(query, 'digest');
  const algorithm = parseAlgorithm(single(query, 'digest-algorithm'));
  if (mount !== undefined) {
    const digest = parseDigest(mount);
    return {
      name: 'oci.MountBlob',
      permissions: [permission('oci:Push', repository, { digest })],
      repository,
      digest,
      from: from === undefined || from === '' ? undefined : parseRepositoryName(from),
    };
  }
  if (from !== undefined) {
    throw new StoreError('method-not-allowed', 'from says where to mount a blob from; name it with mount', {
      resource: from.slice(0, 120),
      headers: { allow: 'POST' },
    });
  }
  if (digestText !== undefined) {
    const digest = parseDigest(digestText);
    return {
      name: 'oci.PutBlob',
      permissions: [permission('oci:Push', repository, { digest })],
      repository,
      digest,
    };
  }
  return {
    name: 'oci.StartUpload',
    permissions: [permission('oci:Push', repository)],
    repository,
    algorithm,
  };
}

function classifyUpload(head: RequestHead, route: Route & { kind: 'upload' }): OciOperation {
  const method = allow(head, 'GET', 'HEAD', 'PATCH', 'PUT', 'DELETE');
  const { repository } = route;
  const id = parseSessionId(route.id);
  const permissions = [permission('oci:Push', repository)];
  switch (method) {
    case 'PATCH':
      return { name: 'oci.AppendUpload', permissions, repository, id };
    case 'PUT': {
      const digest = single(parseQuery(head.query), 'digest');
      if (digest === undefined) {
        throw new StoreError(
          'digest-invalid',
          'an upload is closed with the digest of the whole blob, ?digest=',
          {
            resource: id,
          },
        );
      }
      return { name: 'oci.FinishUpload', permissions, repository, id, digest: parseDigest(digest) };
    }
    case 'DELETE':
      return { name: 'oci.CancelUpload', permissions, repository, id };
    default:
      return { name: 'oci.GetUpload', permissions, repository, id };
  }
}

function classifyReferrers(head: RequestHead, route: Route & { kind: 'referrers' }): OciOperation {
  allow(head, 'GET', 'HEAD');
  // An unescaped plus is part of a media type here; no artifact type holds a space.
  const query = parseQuery(head.query, { plus: 'literal' });
  const digest = parseDigest(route.digest);
  return {
    name: 'oci.ListReferrers',
    permissions: [permission('oci:Pull', route.repository, { digest })],
    repository: route.repository,
    digest,
    artifactTypes: [...new Set(allValues(query, 'artifactType'))],
    page: parsePageQuery(query, LONGEST_DIGEST),
  };
}

/** The request's method when it is one of `methods`. Throws `method-not-allowed` with `Allow`. */
function allow<Method extends string>(head: RequestHead, ...methods: readonly Method[]): Method {
  const method = methods.find((candidate) => candidate === head.method);
  if (method === undefined) {
    throw new StoreError(
      'method-not-allowed',
      `${head.method} is not a method of this resource; it has ${methods.join(', ')}`,
      { resource: head.method, headers: { allow: methods.join(', ') } },
    );
  }
  return method;
}

function permission(
  action: OciAction,
  repository: RepositoryName,
  attributes?: { readonly tag: Tag } | { readonly digest: Digest },
): Permission {
  const resource = `repository:${repository}`;
  return attributes === undefined ? { action, resource } : { action, resource, attributes };
}

/** A tag, or a digest when it holds a colon. Throws `tag-invalid`, `digest-invalid`. */
function parseReference(text: string): ManifestReference {
  return looksLikeDigest(text) ? { digest: parseDigest(text) } : { tag: parseTag(text) };
}

/** As `parseReference`; what cannot be a tag was never pushed, so it is `manifest-unknown` to whoever asks for it. */
function parseExistingReference(text: string): ManifestReference {
  if (looksLikeDigest(text)) return { digest: parseDigest(text) };
  if (isTag(text)) return { tag: text };
  throw new StoreError(
    'manifest-unknown',
    `"${text.slice(0, 140)}" is no tag, so there is no manifest under it`,
    {
      resource: text.slice(0, 140),
    },
  );
}

function parseTagParameters(query: QueryPairs): readonly Tag[] {
  const values = allValues(query, 'tag');
  if (values.length > MAX_TAG_PARAMETERS) {
    throw new StoreError(
      'uri-too-long',
      `${values.length} tags in one request are too many; push at most ${MAX_TAG_PARAMETERS} and the rest after`,
      { detail: { limit: MAX_TAG_PARAMETERS } },
    );
  }
  return [...new Set(values.map(parseTag))];
}

function parseAlgorithm(text: string | undefined): DigestAlgorithm | undefined {
  if (text === undefined || isDigestAlgorithm(text)) return text;
  throw new StoreError(
    'digest-invalid',
    `"${text.slice(0, 40)}" is not a digest algorithm of this registry; use sha256 or sha512`,
    { resource: text.slice(0, 40) },
  );
}

/** What cannot be a session id is a session nobody has. */
function parseSessionId(text: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(text)) return text;
  throw new StoreError('upload-unknown', 'there is no such upload; start one with POST', {
    resource: text.slice(0, 128),
  });
}
