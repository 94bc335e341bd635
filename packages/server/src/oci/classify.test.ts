import { isStoreError, type StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import type { RequestHead } from '../http/protocol.ts';
import { classifyOci, MAX_TAG_PARAMETERS } from './classify.ts';
import type { OciOperation } from './operation.ts';

const HEX = 'ab'.repeat(32);
const SHA256 = `sha256:${HEX}`;
const SHA512 = `sha512:${'ab'.repeat(64)}`;

function request(method: string, target: string): RequestHead {
  const mark = target.indexOf('?');
  return {
    id: 'r1',
    method,
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: {},
    rawHeaders: [],
    remoteAddress: '127.0.0.1',
  };
}

function classify(method: string, target: string): OciOperation {
  return classifyOci(request(method, target));
}

function failure(method: string, target: string): StoreError {
  try {
    classify(method, target);
  } catch (error) {
    if (isStoreError(error)) return error;
    throw error;
  }
  throw new Error(`${method} ${target} was understood`);
}

describe('classifying a request', () => {
  const understood: readonly [method: string, target: string, operation: object][] = [
    ['GET', '/v2/', { name: 'oci.Ping' }],
    ['GET', '/v2', { name: 'oci.Ping' }],
    ['HEAD', '/v2/', { name: 'oci.Ping' }],
    ['OPTIONS', '/v2/', { name: 'oci.Ping' }],
    ['GET', '/v2/_catalog', { name: 'oci.ListRepositories', page: { count: undefined, after: undefined } }],
    [
      'GET',
      '/v2/_catalog?n=3&last=a%2Fb',
      { name: 'oci.ListRepositories', page: { count: 3, after: 'a/b' } },
    ],
    ['GET', '/v2/_oci/ext/discover', { name: 'oci.DiscoverExtensions' }],
    ['GET', '/v2/a/tags/list', { name: 'oci.ListTags', repository: 'a' }],
    ['GET', '/v2/a/tags/list?n=0', { name: 'oci.ListTags', page: { count: 0, after: undefined } }],
    ['GET', '/v2/a/tags/list?last=', { name: 'oci.ListTags', page: { count: undefined, after: undefined } }],
    ['GET', '/v2/a/manifests/1.0', { name: 'oci.GetManifest', reference: { tag: '1.0' } }],
    ['HEAD', '/v2/a/b/c/manifests/1.0', { name: 'oci.HeadManifest', repository: 'a/b/c' }],
    ['GET', `/v2/a/manifests/${SHA256}`, { name: 'oci.GetManifest', reference: { digest: SHA256 } }],
    ['GET', `/v2/a/manifests/sha256%3A${HEX}`, { name: 'oci.GetManifest', reference: { digest: SHA256 } }],
    ['GET', `/v2/a/manifests/${SHA256}?ns=docker.io`, { name: 'oci.GetManifest' }],
    ['PUT', '/v2/a/manifests/v1', { name: 'oci.PutManifest', reference: { tag: 'v1' }, tags: [] }],
    [
      'PUT',
      `/v2/a/manifests/${SHA512}?tag=x&tag=y&tag=x`,
      { name: 'oci.PutManifest', reference: { digest: SHA512 }, tags: ['x', 'y'] },
    ],
    ['DELETE', '/v2/a/manifests/v1', { name: 'oci.DeleteTag', tag: 'v1' }],
    ['DELETE', `/v2/a/manifests/${SHA256}`, { name: 'oci.DeleteManifest', digest: SHA256 }],
    ['GET', `/v2/a/blobs/${SHA512}`, { name: 'oci.GetBlob', digest: SHA512 }],
    ['HEAD', `/v2/a/blobs/sha256%3a${HEX}`, { name: 'oci.HeadBlob', digest: SHA256 }],
    ['DELETE', `/v2/a/blobs/${SHA256}`, { name: 'oci.DeleteBlob', digest: SHA256 }],
    ['POST', '/v2/a/blobs/uploads/', { name: 'oci.StartUpload', algorithm: undefined }],
    ['POST', '/v2/a/blobs/uploads', { name: 'oci.StartUpload', repository: 'a' }],
    ['POST', '/v2/a/blobs/uploads/?digest-algorithm=sha512', { algorithm: 'sha512' }],
    ['POST', `/v2/a/blobs/uploads/?digest=${SHA256}`, { name: 'oci.PutBlob', digest: SHA256 }],
    ['POST', `/v2/a/blobs/uploads/?mount=${SHA256}`, { name: 'oci.MountBlob', from: undefined }],
    ['POST', `/v2/a/blobs/uploads/?from=b%2Fc&mount=${SHA256}`, { name: 'oci.MountBlob', from: 'b/c' }],
    ['GET', '/v2/a/blobs/uploads/id-1', { name: 'oci.GetUpload', id: 'id-1' }],
    ['PATCH', '/v2/a/blobs/uploads/id-1', { name: 'oci.AppendUpload', id: 'id-1' }],
    ['PUT', `/v2/a/blobs/uploads/id-1?digest=${SHA256}`, { name: 'oci.FinishUpload', digest: SHA256 }],
    ['DELETE', '/v2/a/blobs/uploads/id-1', { name: 'oci.CancelUpload', id: 'id-1' }],
    ['GET', `/v2/a/referrers/${SHA256}`, { name: 'oci.ListReferrers', artifactTypes: [] }],
    [
      'GET',
      `/v2/a/referrers/${SHA256}?artifactType=a/x%2Bjson&artifactType=a/y+json&n=5&last=${SHA256}`,
      { artifactTypes: ['a/x+json', 'a/y+json'], page: { count: 5, after: SHA256 } },
    ],
  ];
  it.each(understood)('understands %s %s', (method, target, operation) => {
    expect(classify(method, target)).toMatchObject(operation);
  });

  const nested: readonly [method: string, target: string, name: string, repository: string][] = [
    ['GET', '/v2/t/myblobs/manifests/x', 'oci.GetManifest', 't/myblobs'],
    ['GET', '/v2/a/tags/list/manifests/x', 'oci.GetManifest', 'a/tags/list'],
    ['GET', '/v2/a/tags/list/tags/list', 'oci.ListTags', 'a/tags/list'],
    ['GET', '/v2/tags/tags/list', 'oci.ListTags', 'tags'],
    ['GET', '/v2/a/manifests/tags/list', 'oci.ListTags', 'a/manifests'],
    ['GET', `/v2/blobs/blobs/${SHA256}`, 'oci.GetBlob', 'blobs'],
    ['POST', '/v2/blobs/uploads/blobs/uploads/', 'oci.StartUpload', 'blobs/uploads'],
    ['PATCH', '/v2/blobs/uploads/blobs/uploads/x', 'oci.AppendUpload', 'blobs/uploads'],
    ['GET', '/v2/a/blobs/uploads/manifests/x', 'oci.GetManifest', 'a/blobs/uploads'],
    ['GET', `/v2/a/referrers/referrers/${SHA256}`, 'oci.ListReferrers', 'a/referrers'],
    ['GET', '/v2/a/manifests/manifests/manifests', 'oci.GetManifest', 'a/manifests'],
    ['GET', '/v2/a/blobs/uploads/tags', 'oci.GetUpload', 'a'],
  ];
  it.each(nested)('reads %s %s from the end, as %s of %s', (method, target, name, repository) => {
    expect(classify(method, target)).toMatchObject({ name, repository });
  });

  it('asks for the right to push and to set every tag', () => {
    expect(classify('PUT', `/v2/a/manifests/${SHA256}?tag=x&tag=y`).permissions).toEqual([
      { action: 'oci:Push', resource: 'repository:a', attributes: { digest: SHA256 } },
      { action: 'oci:Tag', resource: 'repository:a', attributes: { tag: 'x' } },
      { action: 'oci:Tag', resource: 'repository:a', attributes: { tag: 'y' } },
    ]);
  });

  it.each([
    ['GET', '/v2/', 'oci:Ping', 'server'],
    ['GET', '/v2/_catalog', 'oci:ListRepositories', 'repository:*'],
    ['GET', '/v2/a/b/tags/list', 'oci:Pull', 'repository:a/b'],
    ['HEAD', '/v2/a/manifests/x', 'oci:Pull', 'repository:a'],
    ['DELETE', '/v2/a/manifests/x', 'oci:Delete', 'repository:a'],
    ['DELETE', `/v2/a/blobs/${SHA256}`, 'oci:Delete', 'repository:a'],
    ['POST', `/v2/a/blobs/uploads/?mount=${SHA256}&from=b`, 'oci:Push', 'repository:a'],
    ['GET', '/v2/a/blobs/uploads/1', 'oci:Push', 'repository:a'],
    ['GET', `/v2/a/referrers/${SHA256}`, 'oci:Pull', 'repository:a'],
  ])('needs for %s %s the permission %s on %s', (method, target, action, resource) => {
    expect(classify(method, target).permissions).toMatchObject([{ action, resource }]);
  });
});

describe('refusing a request', () => {
  const hostile = `${'a'.repeat(9_999)}!`;
  const refused: readonly [method: string, target: string, kind: string][] = [
    ['GET', '/v2/a', 'route-unknown'],
    ['GET', '/v2/a/', 'route-unknown'],
    ['GET', '/v2/a/b/c', 'route-unknown'],
    ['GET', '/v2/tags/list', 'route-unknown'],
    ['GET', '/v2/manifests/latest', 'route-unknown'],
    ['GET', '/v2/a/tags/list/', 'route-unknown'],
    ['GET', '/v2/a/tags/other', 'route-unknown'],
    ['GET', '/v2/a/manifests/', 'route-unknown'],
    ['GET', '/v2/a/blobs/', 'route-unknown'],
    ['GET', '/v2/_catalog/', 'route-unknown'],
    ['GET', '/v2/_oci/ext', 'route-unknown'],
    ['GET', '/v2/a/manifests/x/y', 'route-unknown'],
    ['GET', '/v2//tags/list', 'route-unknown'],
    ['GET', '/v2//a/tags/list', 'name-invalid'],
    ['GET', '/v2/a//b/tags/list', 'name-invalid'],
    ['GET', '/v2/A/tags/list', 'name-invalid'],
    ['GET', '/v2/../tags/list', 'name-invalid'],
    ['GET', '/v2/a/../b/tags/list', 'name-invalid'],
    ['GET', '/v2/%2e%2e/tags/list', 'name-invalid'],
    ['GET', '/v2/a%2Fb/tags/list', 'name-invalid'],
    ['GET', '/v2/a%2fb/tags/list', 'name-invalid'],
    ['GET', '/v2/a%252Fb/tags/list', 'name-invalid'],
    ['GET', '/v2/a%00/tags/list', 'name-invalid'],
    ['GET', '/v2/a%zz/tags/list', 'name-invalid'],
    ['GET', '/v2/%ff/tags/list', 'name-invalid'],
    ['GET', '/v2/ünïcode/tags/list', 'name-invalid'],
    ['GET', '/v2/%F0%9F%92%A9/tags/list', 'name-invalid'],
    ['GET', '/v2/a-/tags/list', 'name-invalid'],
    ['GET', '/v2/a___b/tags/list', 'name-invalid'],
    ['GET', `/v2/${'a'.repeat(256)}/tags/list`, 'name-invalid'],
    ['GET', `/v2/${hostile}/tags/list`, 'name-invalid'],
    ['GET', `/v2/${'a/'.repeat(5_000)}!/tags/list`, 'name-invalid'],
    ['PUT', '/v2/a/manifests/.x', 'tag-invalid'],
    ['PUT', `/v2/a/manifests/${'x'.repeat(129)}`, 'tag-invalid'],
    ['PUT', '/v2/a/manifests/x%2Fy', 'tag-invalid'],
    ['PUT', '/v2/a/manifests/x%00', 'tag-invalid'],
    ['PUT', '/v2/a/manifests/%', 'tag-invalid'],
    ['PUT', '/v2/a/manifests/sha256:baddigeststring', 'digest-invalid'],
    ['PUT', `/v2/a/manifests/${SHA256}?tag=`, 'tag-invalid'],
    ['PUT', `/v2/a/manifests/${SHA256}?tag=a&tag=-b`, 'tag-invalid'],
    ['PUT', '/v2/a/manifests/x?tag=y', 'manifest-invalid'],
    ['GET', '/v2/a/manifests/.INVALID', 'manifest-unknown'],
    ['HEAD', `/v2/a/manifests/${hostile}`, 'manifest-unknown'],
    ['DELETE', '/v2/a/manifests/a%20b', 'manifest-unknown'],
    ['GET', '/v2/a/manifests/sha256:zz', 'digest-invalid'],
    ['GET', `/v2/a/manifests/md5:${HEX.slice(32)}`, 'digest-invalid'],
    ['GET', '/v2/a/blobs/latest', 'digest-invalid'],
    ['GET', `/v2/a/blobs/sha256:${HEX.toUpperCase()}`, 'digest-invalid'],
    ['GET', `/v2/a/blobs/sha256:${hostile}`, 'digest-invalid'],
    ['GET', `/v2/a/blobs/sha256%253A${HEX}`, 'digest-invalid'],
    ['GET', '/v2/a/referrers/x', 'digest-invalid'],
    ['POST', '/v2/a/blobs/uploads/?digest=x', 'digest-invalid'],
    ['POST', '/v2/a/blobs/uploads/?digest=', 'digest-invalid'],
    ['POST', '/v2/a/blobs/uploads/?mount=x', 'digest-invalid'],
    ['POST', `/v2/a/blobs/uploads/?mount=${SHA256}&from=../b`, 'name-invalid'],
    ['POST', '/v2/a/blobs/uploads/?from=b', 'method-not-allowed'],
    ['POST', '/v2/a/blobs/uploads/?digest-algorithm=md5', 'digest-invalid'],
    ['POST', '/v2/a/blobs/uploads/?digest-algorithm=constructor', 'digest-invalid'],
    ['POST', `/v2/a/blobs/uploads/?digest=${SHA256}&digest=${SHA512}`, 'argument-invalid'],
    ['PUT', '/v2/a/blobs/uploads/1', 'digest-invalid'],
    ['PUT', '/v2/a/blobs/uploads/1?digest=sha256:1', 'digest-invalid'],
    ['PATCH', '/v2/a/blobs/uploads/..', 'upload-unknown'],
    ['GET', '/v2/a/blobs/uploads/%2e%2e%2fx', 'upload-unknown'],
    ['GET', `/v2/a/blobs/uploads/${hostile}`, 'upload-unknown'],
    ['GET', '/v2/a/tags/list?n=x', 'argument-invalid'],
    ['GET', '/v2/a/tags/list?n=-1', 'argument-invalid'],
    ['GET', '/v2/a/tags/list?n=', 'argument-invalid'],
    ['GET', '/v2/a/tags/list?n=1.5', 'argument-invalid'],
    ['GET', '/v2/a/tags/list?n=1&n=2', 'argument-invalid'],
    ['GET', '/v2/a/tags/list?last=%zz', 'argument-invalid'],
    ['GET', '/v2/_catalog?n=ten', 'argument-invalid'],
  ];
  it.each(refused)('refuses %s %.120s', (method, target, kind) => {
    expect(failure(method, target).kind).toBe(kind);
  });

  it.each([
    ['POST', '/v2/', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/v2/_catalog', 'GET, HEAD'],
    ['PUT', '/v2/a/tags/list', 'GET, HEAD'],
    ['POST', '/v2/a/manifests/x', 'GET, HEAD, PUT, DELETE'],
    ['PUT', `/v2/a/blobs/${SHA256}`, 'GET, HEAD, DELETE'],
    ['GET', '/v2/a/blobs/uploads/', 'POST'],
    ['GET', '/v2/a/blobs/uploads', 'POST'],
    ['POST', '/v2/a/blobs/uploads/1', 'GET, HEAD, PATCH, PUT, DELETE'],
    ['DELETE', `/v2/a/referrers/${SHA256}`, 'GET, HEAD'],
  ])('answers %s %s with the methods there are', (method, target, methods) => {
    const error = failure(method, target);
    expect(error.kind).toBe('method-not-allowed');
    expect(error.headers).toEqual({ allow: methods });
  });

  it('takes as many tag parameters as it says, and refuses one more', () => {
    const tags = Array.from({ length: MAX_TAG_PARAMETERS + 1 }, (_, i) => `tag=t${i}`);
    const target = `/v2/a/manifests/${SHA256}?`;
    expect(classify('PUT', target + tags.slice(1).join('&'))).toMatchObject({ name: 'oci.PutManifest' });
    expect(failure('PUT', target + tags.join('&')).kind).toBe('uri-too-long');
    expect(failure('PUT', target + 'tag=a&'.repeat(2_000)).kind).toBe('uri-too-long');
  });

  it('shows no more of a hostile value than helps', () => {
    const error = failure('GET', `/v2/${hostile}/tags/list`);
    expect(error.message.length).toBeLessThan(400);
  });

  it('keeps of a long last what decides the order', () => {
    const operation = classify('GET', `/v2/a/tags/list?last=${'z'.repeat(5_000)}`);
    expect(operation).toMatchObject({ page: { after: 'z'.repeat(129) } });
  });
});
