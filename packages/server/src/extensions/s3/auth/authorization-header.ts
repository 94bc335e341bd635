import { S3Error } from '../errors.ts';

/** `Credential=..., SignedHeaders=..., Signature=...`, taken apart and not yet checked. */
export interface AuthorizationV4 {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

/** `components` is what follows the algorithm; their order is free. Throws AuthorizationHeaderMalformed. */
export function parseAuthorizationV4(components: string): AuthorizationV4 {
  const found = new Map<string, string>();
  for (const piece of components.split(',')) {
    const component = piece.trim();
    const equals = component.indexOf('=');
    const name = component.slice(0, Math.max(equals, 0));
    if (name === '' || found.has(name)) {
      throw malformedHeader(`the authorization component "${component.slice(0, 64)}" is malformed.`);
    }
    found.set(name, component.slice(equals + 1));
  }
  return {
    credential: required(found, 'Credential'),
    signedHeaders: required(found, 'SignedHeaders'),
    signature: required(found, 'Signature'),
  };
}

export function malformedHeader(why: string, fields: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${why}`, {
    fields,
  });
}

function required(found: ReadonlyMap<string, string>, name: string): string {
  const value = found.get(name);
  if (value === undefined || value === '') throw malformedHeader(`missing ${name}.`);
  return value;
}
