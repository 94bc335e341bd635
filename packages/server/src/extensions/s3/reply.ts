import type { Reply } from '../../http/protocol.ts';
import { s3Document, type XmlElement } from './xml/write.ts';

/** A success document. */
export function xmlReply(
  root: string,
  content: XmlElement,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status: 200,
    headers: { ...headers, 'content-type': 'application/xml' },
    body: s3Document(root, content),
  };
}

export function emptyReply(status: 200 | 204, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers };
}

/** ISO 8601 with milliseconds, as documents have it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** As headers have it (RFC 9110 5.6.7), to the second. */
export function httpTime(ms: number): string {
  return new Date(ms).toUTCString();
}
