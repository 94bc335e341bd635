import type { Principal } from '../../../extension/access.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { parseAmzDate } from './amz-date.ts';
import { type S3AuthenticatorDeps, signatureDepsOf } from './authenticator.ts';
import { parseCredentialScope } from './credential-scope.ts';
import { type Credential, findCredential } from './credentials.ts';
import { missingField, type PostForm } from './post-form.ts';
import { ANY_SIZE, assertPolicyAllows, type FileRange, parsePostPolicy } from './post-policy.ts';
import { isSameSignature } from './signature-compare.ts';
import { signV2, unsupportedV2 } from './signature-v2.ts';
import { ALGORITHM_V4, signatureMismatch } from './signature-v4.ts';
import type { SignatureDeps } from './verified.ts';

/** Who sent a form, and what its policy says of the file. */
export interface FormSender {
  readonly principal: Principal;
  readonly fileRange: FileRange;
}

/** Judges the forms of PostObject, whose credentials come in the body, after the request was let in as anonymous. */
export interface PostForms {
  /**
   * Anonymous for a form without a signature. Throws InvalidArgument when one is incomplete, InvalidAccessKeyId,
   * SignatureDoesNotMatch, InvalidPolicyDocument, and AccessDenied for what the policy does not allow.
   */
  verify(
    form: Pick<PostForm, 'fields'>,
    request: { readonly head: RequestHead; readonly bucket: string },
  ): Promise<FormSender>;
}

const ANONYMOUS: FormSender = { principal: { kind: 'anonymous' }, fileRange: ANY_SIZE };
/** As long as a presigned URL at most. */
const MAX_AGE_MS = 604_800_000;
const SIGNS_V4 = ['x-amz-signature', 'x-amz-credential', 'x-amz-algorithm'];
const SIGNS_V2 = ['signature', 'awsaccesskeyid', 'policy'];

export function createPostForms(deps: S3AuthenticatorDeps): PostForms {
  const signatureDeps = signatureDepsOf(deps);
  return {
    async verify({ fields }, { head, bucket }) {
      const address = signatureDeps.clientAddress(head);
      const verified = await signatureDeps.rootGuesses.watch(deps.root.user, address, () =>
        verifySignature(fields, address, signatureDeps),
      );
      if (verified === undefined) return ANONYMOUS;
      const { credential } = verified;
      const policy = parsePostPolicy(fields.get('policy') ?? '');
      assertPolicyAllows(policy, { fields, bucket, nowMs: deps.clock.now() });
      return { principal: credential.principal, fileRange: policy.fileRange ?? ANY_SIZE };
    },
  };
}

/** Undefined when the form carries no signature. */
async function verifySignature(
  fields: ReadonlyMap<string, string>,
  address: string,
  deps: SignatureDeps,
): Promise<{ readonly credential: Credential } | undefined> {
  if (SIGNS_V4.some((name) => fields.has(name))) return { credential: await verifyV4(fields, address, deps) };
  if (!SIGNS_V2.some((name) => fields.has(name))) return undefined;
  if (deps.signatureV2 === false) throw unsupportedV2();
  return { credential: await verifyV2(fields, address, deps) };
}

async function verifyV4(
  fields: ReadonlyMap<string, string>,
  address: string,
  deps: SignatureDeps,
): Promise<Credential> {
  const policy = required(fields, 'policy');
  const algorithm = required(fields, 'x-amz-algorithm');
  const credentialText = required(fields, 'x-amz-credential');
  const dateText = required(fields, 'x-amz-date');
  const signature = required(fields, 'x-amz-signature');
  if (algorithm !== ALGORITHM_V4) {
    throw badField('x-amz-algorithm', algorithm, `Only ${ALGORITHM_V4} is supported`);
  }
  const scope = parseCredentialScope(credentialText, deps, (why) =>
    badField('x-amz-credential', credentialText, why),
  );
  const date = parseAmzDate(dateText);
  if (date === undefined) {
    throw badField('x-amz-date', dateText, 'X-Amz-Date must be formated via ISO8601 Long format');
  }
  if (!date.iso.startsWith(scope.date)) {
    throw badField('x-amz-credential', credentialText, 'its date is not the same as x-amz-date.');
  }
  const ageMs = deps.clock.now() - date.atMs;
  if (ageMs > MAX_AGE_MS || ageMs < -deps.maxSkewMs) {
    throw new S3Error('AccessDenied', 'Invalid according to Policy: x-amz-date is too far from now.');
  }
  const credential = await findCredential(deps, {
    accessKeyId: scope.accessKeyId,
    sessionToken: fields.get('x-amz-security-token'),
    address,
  });
  const computed = deps.signingKeys.keyFor(credential, scope).sign(policy);
  return assertSame(credential, { policy, signature, computed });
}

async function verifyV2(
  fields: ReadonlyMap<string, string>,
  address: string,
  deps: SignatureDeps,
): Promise<Credential> {
  const policy = required(fields, 'policy');
  const accessKeyId = required(fields, 'AWSAccessKeyId');
  const signature = required(fields, 'signature');
  const credential = await findCredential(deps, {
    accessKeyId,
    sessionToken: fields.get('x-amz-security-token'),
    address,
  });
  const computed = signV2(credential.secretAccessKey, Buffer.from(policy).toString('latin1'));
  return assertSame(credential, { policy, signature, computed });
}

function assertSame(
  credential: Credential,
  form: { readonly policy: string; readonly signature: string; readonly computed: string },
): Credential {
  if (isSameSignature(form.signature, form.computed)) return credential;
  throw signatureMismatch({
    accessKeyId: credential.accessKeyId,
    stringToSign: form.policy,
    signature: form.signature,
    why: 'What is signed is the policy field, as it was sent.',
  });
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === '') throw missingField(name);
  return value;
}

function badField(name: string, value: string, why: string): S3Error {
  return new S3Error('InvalidArgument', why, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 256) },
  });
}
