import type { Reply, RequestHead } from '../../../http/protocol.ts';
import { resourceOf } from '../actions.ts';
import { headerOf } from '../auth/header-of.ts';
import { limitedFile } from '../auth/limited-file.ts';
import { openPostForm } from '../auth/post-form.ts';
import { assertPrivate } from '../encryption/customer-key-transport.ts';
import { customerOf, encryptionHeaders } from '../encryption/reply-headers.ts';
import { settleSealing } from '../encryption/sealing.ts';
import type { Handler } from '../handlers.ts';
import { expirationHeader } from '../lifecycle/expiration-header.ts';
import { urlEncode } from '../listing/list-query.ts';
import { checksumHeaders, checksumSent } from '../object/checksum.ts';
import { contentMd5 } from '../object/content-md5.ts';
import { assertMayDescribe } from '../object/description.ts';
import { quoted } from '../object/entity-tag.ts';
import { formHead, parseFormDescription } from '../object/form-description.ts';
import { writeObject } from '../object/write-object.ts';
import { assertObjectKey } from '../object-key.ts';
import type { BucketOperation } from '../operation.ts';
import type { ObjectVersion } from '../store/records.ts';
import { xmlDocument } from '../xml/write.ts';

/** An upload by a form, as browsers send it. The sender proves itself in the form, and its policy limits what it may do. */
export const postObject: Handler<BucketOperation> = async ({ bucket: name }, context, deps) => {
  const { head, signal } = context;
  const bucket = await deps.buckets.require(name);
  const form = await openPostForm(context);
  const { principal, fileRange } = await deps.postForms.verify(form, { head, bucket: name });
  const { fields } = form;
  const key = fields.get('key') ?? '';
  assertObjectKey(key);
  await context.authorizeAs(principal, [{ action: 's3:PutObject', resource: resourceOf(name, key) }]);
  const description = parseFormDescription(fields, deps.clock.now());
  if (description.encryption?.kind === 'customer') assertPrivate(head, deps.options);
  await assertMayDescribe(description, context, { bucket: name, key });
  const said = formHead(fields);
  const payload = {
    source: limitedFile(form.file, fileRange),
    sizeBytes: undefined,
    sha256: undefined,
    trailers: () => new Map<string, string>(),
  };
  const { record, versionId } = await writeObject(
    {
      bucket,
      key,
      payload,
      description,
      sealing: await settleSealing(description.encryption, bucket, deps),
      md5: contentMd5(said),
      checksum: checksumSent(said),
      conditions: undefined,
      operation: 'post',
    },
    { principal, signal },
    deps,
  );
  const posted = { bucket: name, key, record, location: locationOf(head, key) };
  const headers = {
    etag: quoted(record.etag),
    location: posted.location,
    ...checksumHeaders(record.checksum, undefined),
    ...(await expirationHeader({ bucket, key, record, tags: description.tags }, deps)),
    ...encryptionHeaders(record.encryption, customerOf(description.encryption)),
    ...(versionId !== undefined && { 'x-amz-version-id': versionId }),
  };
  return answer(fields, posted, headers);
};

interface Posted {
  readonly bucket: string;
  readonly key: string;
  readonly record: ObjectVersion;
  readonly location: string;
}

/** A redirect that is no URL is as if it were not there, and so is a status that is not one of three. */
function answer(
  fields: ReadonlyMap<string, string>,
  posted: Posted,
  headers: Readonly<Record<string, string>>,
): Reply {
  const redirect = redirectOf(fields, posted);
  if (redirect !== undefined) return { status: 303, headers: { ...headers, location: redirect } };
  switch (fields.get('success_action_status')) {
    case '200':
      return { status: 200, headers };
    case '201':
      return {
        status: 201,
        headers: { ...headers, 'content-type': 'application/xml' },
        body: xmlDocument('PostResponse', {
          Location: posted.location,
          Bucket: posted.bucket,
          Key: posted.key,
          ETag: quoted(posted.record.etag),
        }),
      };
    default:
      return { status: 204, headers };
  }
}

function redirectOf(
  fields: ReadonlyMap<string, string>,
  { bucket, key, record }: Posted,
): string | undefined {
  const url = URL.parse(fields.get('success_action_redirect') ?? fields.get('redirect') ?? '');
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  const query = `bucket=${bucket}&key=${encodeURIComponent(key)}&etag=${encodeURIComponent(quoted(record.etag))}`;
  url.search = url.search === '' ? query : `${url.search}&${query}`;
  return url.href;
}

/** Where the object is, for who sent the form. */
function locationOf(head: RequestHead, key: string): string {
  const scheme = head.tls === undefined ? 'http' : 'https';
  const base = head.path.endsWith('/') ? head.path : `${head.path}/`;
  return `${scheme}://${headerOf(head, 'host') ?? ''}${base}${urlEncode(key)}`;
}
