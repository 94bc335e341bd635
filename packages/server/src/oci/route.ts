import { parseRepositoryName, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import { decodeName } from '../http/raw-path.ts';

/** What a path under `/v2` names. Variable parts are decoded once and not yet validated, except the name. */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'extensions' }
  | { readonly kind: 'tags'; readonly repository: RepositoryName }
  | { readonly kind: 'manifest'; readonly repository: RepositoryName; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: RepositoryName; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: RepositoryName }
  | { readonly kind: 'upload'; readonly repository: RepositoryName; readonly id: string }
  | { readonly kind: 'referrers'; readonly repository: RepositoryName; readonly digest: string };

const BASE = '/v2';

/** Whether a raw path is the distribution API's: `/v2` and all below it. */
export function isOciPath(path: string): boolean {
  return path.startsWith(BASE) && (path.length === BASE.length || path[BASE.length] === '/');
}

/**
 * Routes from the end of the path: what follows the name has a fixed shape and a name may hold any of its words, so
 * `t/myblobs`, `a/tags/list` and `blobs/uploads` are repositories like any other. The shapes exclude each other by
 * their last three segments; hence every path has one reading. Throws `route-unknown`, `name-invalid`.
 */
export function routeOciPath(path: string): Route {
  if (path === BASE || path === `${BASE}/`) return { kind: 'ping' };
  const rest = path.slice(BASE.length + 1);
  if (rest === '_catalog') return { kind: 'catalog' };
  if (rest === '_oci/ext/discover') return { kind: 'extensions' };

  const segments = rest.split('/');
  const last = segments.at(-1) ?? '';
  const middle = segments.at(-2);
  if (segments.at(-3) === 'blobs' && middle === 'uploads') {
    const repository = repositoryOf(path, segments, 3);
    return last === '' ? { kind: 'uploads', repository } : { kind: 'upload', repository, id: decode(last) };
  }
  if (middle === 'blobs' && last === 'uploads') {
    return { kind: 'uploads', repository: repositoryOf(path, segments, 2) };
  }
  if (last === '') throw unknownRoute(path);
  if (middle === 'tags' && last === 'list') {
    return { kind: 'tags', repository: repositoryOf(path, segments, 2) };
  }
  if (middle === 'manifests') {
    return { kind: 'manifest', repository: repositoryOf(path, segments, 2), reference: decode(last) };
  }
  if (middle === 'blobs') {
    return { kind: 'blob', repository: repositoryOf(path, segments, 2), digest: decode(last) };
  }
  if (middle === 'referrers') {
    return { kind: 'referrers', repository: repositoryOf(path, segments, 2), digest: decode(last) };
  }
  throw unknownRoute(path);
}

function repositoryOf(path: string, segments: readonly string[], suffixLength: number): RepositoryName {
  const raw = segments.slice(0, -suffixLength).join('/');
  if (raw === '') throw unknownRoute(path);
  return parseRepositoryName(decodeName(raw));
}

/** Percent-decoded once. What cannot be decoded stays as it is: a `%` is valid in nothing that is parsed later. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unknownRoute(path: string): StoreError {
  return new StoreError(
    'route-unknown',
    `"${path.slice(0, 120)}" is no resource of the distribution API; is the part after the repository name spelled right?`,
    { resource: path.slice(0, 120) },
  );
}
