import type { Protocol, Reply, RequestContext } from '../http/protocol.ts';
import { classifyOci } from './classify.ts';
import type { OciDeps } from './deps.ts';
import { renderOciError } from './errors.ts';
import type { OciOperation } from './operation.ts';
import { appendUpload } from './operations/append-upload.ts';
import { cancelUpload } from './operations/cancel-upload.ts';
import { deleteBlob } from './operations/delete-blob.ts';
import { deleteManifest, deleteTag } from './operations/delete-manifest.ts';
import { discoverExtensions } from './operations/discover-extensions.ts';
import { finishUpload } from './operations/finish-upload.ts';
import { getUpload } from './operations/get-upload.ts';
import { listReferrers } from './operations/list-referrers.ts';
import { listRepositories } from './operations/list-repositories.ts';
import { listTags } from './operations/list-tags.ts';
import { mountBlob } from './operations/mount-blob.ts';
import { ping } from './operations/ping.ts';
import { putBlob } from './operations/put-blob.ts';
import { putManifest } from './operations/put-manifest.ts';
import { readBlob } from './operations/read-blob.ts';
import { readManifest } from './operations/read-manifest.ts';
import { startUpload } from './operations/start-upload.ts';
import { isOciPath } from './route.ts';

/** The distribution API (distribution-spec at its main branch) over a registry. */
export function createOciProtocol(deps: OciDeps): Protocol<OciOperation> {
  return {
    name: 'oci',
    claims: ({ path }) => isOciPath(path),
    classify: classifyOci,
    run: (operation, context) => runOperation(operation, context, deps),
    renderError: renderOciError,
  };
}

function runOperation(operation: OciOperation, context: RequestContext, deps: OciDeps): Promise<Reply> {
  switch (operation.name) {
    case 'oci.Ping':
      return ping(operation, context);
    case 'oci.ListRepositories':
      return listRepositories(operation, context, deps);
    case 'oci.DiscoverExtensions':
      return discoverExtensions(operation, context, deps);
    case 'oci.ListTags':
      return listTags(operation, context, deps);
    case 'oci.GetManifest':
    case 'oci.HeadManifest':
      return readManifest(operation, context, deps);
    case 'oci.PutManifest':
      return putManifest(operation, context, deps);
    case 'oci.DeleteManifest':
      return deleteManifest(operation, context, deps);
    case 'oci.DeleteTag':
      return deleteTag(operation, context, deps);
    case 'oci.GetBlob':
    case 'oci.HeadBlob':
      return readBlob(operation, context, deps);
    case 'oci.DeleteBlob':
      return deleteBlob(operation, context, deps);
    case 'oci.StartUpload':
      return startUpload(operation, context, deps);
    case 'oci.PutBlob':
      return putBlob(operation, context, deps);
    case 'oci.MountBlob':
      return mountBlob(operation, context, deps);
    case 'oci.GetUpload':
      return getUpload(operation, context, deps);
    case 'oci.AppendUpload':
      return appendUpload(operation, context, deps);
    case 'oci.FinishUpload':
      return finishUpload(operation, context, deps);
    case 'oci.CancelUpload':
      return cancelUpload(operation, context, deps);
    case 'oci.ListReferrers':
      return listReferrers(operation, context, deps);
  }
}
