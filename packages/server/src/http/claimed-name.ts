import type { RequestHead } from './protocol.ts';

const MAX_LENGTH = 256;
const BASIC = /^basic +([A-Za-z0-9+/]*={0,2}) *$/i;
const SIGNED = /^AWS4-[A-Z0-9-]+ .*?Credential=([^/,\s]+)\//;
const SIGNED_V2 = /^AWS ([^:\s]+):/;
const PRESIGNED = /(?:^|&)(?:X-Amz-Credential|AWSAccessKeyId)=([^&/%]+)/;

/**
 * Who somebody whose credentials were refused said to be: the user of Basic, the access key of a signature. Nothing of
 * it is proved; undefined when they did not say.
 */
export function claimedName({ headers: { authorization }, query }: RequestHead): string | undefined {
  const name = typeof authorization === 'string' ? inHeader(authorization) : PRESIGNED.exec(query)?.[1];
  return name === undefined || name === '' ? undefined : name.slice(0, MAX_LENGTH);
}

function inHeader(authorization: string): string | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded !== undefined) {
    const text = Buffer.from(encoded, 'base64').toString();
    const colon = text.indexOf(':');
    // Without a colon it may be a password.
    return colon < 0 ? undefined : text.slice(0, colon);
  }
  return (SIGNED.exec(authorization) ?? SIGNED_V2.exec(authorization))?.[1];
}
