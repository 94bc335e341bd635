import { collectPayload } from '../auth/collect-payload.ts';
import { parseTagging, taggingElement } from '../config-documents/tag-set.ts';
import type { Handler } from '../handlers.ts';
import { changeVersion } from '../object/change-version.ts';
import { findObject } from '../object/find-object.ts';
import { MAX_OBJECT_TAGS } from '../object/tags.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { versionIdOf } from '../store/versions.ts';

const MAX_BYTES = 64 * 1024;

export const getObjectTagging: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  context,
  deps,
) => {
  const bucket = await deps.buckets.require(name);
  const { record, extra } = await findObject(
    { bucket, key, versionId: versionIdOfQuery(query) },
    context,
    deps,
  );
  const headers =
    bucket.record.versioning === 'unversioned' ? {} : { 'x-amz-version-id': versionIdOf(record) };
  return xmlReply('Tagging', taggingElement(extra.tags), headers);
};

export const putObjectTagging: Handler<ObjectOperation> = async (operation, context, deps) => {
  await deps.buckets.require(operation.bucket);
  const tags = parseTagging(await collectPayload(context, MAX_BYTES), MAX_OBJECT_TAGS);
  const headers = await changeVersion(operation, context, deps, ({ extra }) => ({
    extra: { ...extra, tags },
  }));
  return emptyReply(200, headers);
};

export const deleteObjectTagging: Handler<ObjectOperation> = async (operation, context, deps) => {
  const headers = await changeVersion(operation, context, deps, ({ extra }) => ({
    extra: { ...extra, tags: [] },
  }));
  return emptyReply(204, headers);
};
