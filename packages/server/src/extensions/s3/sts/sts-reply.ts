import type { StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestHead } from '../../../http/protocol.ts';
import { type XmlElement, xmlDocument } from '../xml/write.ts';
import { toStsError } from './sts-error.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** `<AssumeRoleResponse><AssumeRoleResult>...`, as SDKs read it. */
export function stsReply(action: string, result: XmlElement, head: RequestHead): Reply {
  return document(200, head, `${action}Response`, {
    [`${action}Result`]: result,
    ResponseMetadata: { RequestId: head.id },
  });
}

export function renderStsError(error: StoreError, head: RequestHead): Reply {
  const { code, message, status } = toStsError(error);
  return document(status, head, 'ErrorResponse', {
    Error: { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message },
    RequestId: head.id,
  });
}

function document(status: number, head: RequestHead, root: string, content: XmlElement): Reply {
  return {
    status,
    headers: {
      'content-type': 'text/xml',
      // Answers hold secrets.
      'cache-control': 'no-store',
      'x-amzn-requestid': head.id,
    },
    body: xmlDocument(root, { '@xmlns': NAMESPACE, ...content }),
  };
}
