import type { Digest, RepositoryName } from '@zot-artifact-store/spec';

// Relative, as the spec allows: right behind any proxy, whatever scheme, host or port the client used. Names, digests
// and session ids hold nothing that a path would have to escape.

export function blobLocation(repository: RepositoryName, digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}

export function manifestLocation(repository: RepositoryName, digest: Digest): string {
  return `/v2/${repository}/manifests/${digest}`;
}

export function uploadLocation(repository: RepositoryName, id: string): string {
  return `/v2/${repository}/blobs/uploads/${id}`;
}

/** A `Link` to the next page (RFC 5988), relative; undefined parameters are left out. */
export function nextLink(
  path: string,
  parameters: readonly (readonly [string, string | undefined])[],
): string {
  const query = parameters.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return `<${path}?${query.join('&')}>; rel="next"`;
}
