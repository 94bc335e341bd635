import { defineExtension, type Extension, type ExtensionHost, type Parts } from '../../extension/contract.ts';
import { clientAddresses } from '../../http/client-address.ts';
import { S3Authorizer } from './access/authorizer.ts';
import { ACCESS_KEY_PURPOSE, AccessKeys } from './auth/access-keys.ts';
import { createS3Authenticator, signatureDepsOf } from './auth/authenticator.ts';
import { keyRoutes } from './auth/key-routes.ts';
import { createPostForms } from './auth/post-forms.ts';
import { RootGuesses } from './auth/root-guesses.ts';
import { type S3Options, s3Section } from './config.ts';
import type { S3Deps } from './deps.ts';
import { type Keyring, OBJECT_KEY_PURPOSE } from './encryption/keyring.ts';
import { readNamedKeys } from './encryption/named-keys.ts';
import { createUploads } from './multipart/uploads.ts';
import { createS3Protocols } from './protocol.ts';
import { createBuckets } from './store/buckets.ts';
import { createVersions } from './store/create-versions.ts';
import { createDocuments } from './store/documents.ts';
import { KeyTurns } from './store/key-turns.ts';
import { createUsers } from './store/users.ts';
import { createStsProtocol } from './sts/protocol.ts';
import { revocationRoutes } from './sts/revocation-routes.ts';
import { Revocations } from './sts/revocations.ts';
import { SESSION_PURPOSE, Sessions } from './sts/sessions.ts';
import { s3Tasks } from './tasks.ts';

export interface S3Setup {
  /** The root user's name and password are an access key pair. */
  readonly root: { readonly user: string; readonly password: string };
}

/** The S3 API over the server's content store. Its options are the section `extensions.s3`. */
export function s3(setup: S3Setup): Extension<S3Options> {
  return defineExtension({
    name: 's3',
    config: s3Section,
    setup: (host, options) => setUp(host, options, setup),
  });
}

async function setUp(host: ExtensionHost, options: S3Options, { root }: S3Setup): Promise<Parts> {
  const { metadata, content, clock, log, vetoes, events } = host;
  const buckets = createBuckets(metadata, clock);
  const versions = createVersions({ metadata, content, clock });
  const uploads = createUploads({ metadata, content, buckets, clock });
  const documents = createDocuments(metadata, buckets);
  const sealingKey = host.deriveSecret(ACCESS_KEY_PURPOSE);
  const keys = new AccessKeys({ metadata, clock, sealingKey });
  const keyring: Keyring = {
    server: host.deriveSecret(OBJECT_KEY_PURPOSE),
    named: await readNamedKeys(options.kmsKeys),
  };
  const { identities } = host;
  const revocations = new Revocations({ metadata, clock });
  const sessions = new Sessions({
    sealingKey: host.deriveSecret(SESSION_PURPOSE),
    revocations,
    identities,
    keys,
    root,
    clock,
  });
  const rootGuesses = new RootGuesses(clock);
  const authentication = { ...options, root, keys, clock, identities, sessionTokens: sessions, rootGuesses };
  const sts = { signatures: signatureDepsOf(authentication), identities, sessions, root, clock };
  const deps: S3Deps = {
    metadata,
    content,
    clock,
    log,
    vetoes,
    events,
    options,
    buckets,
    documents,
    versions,
    turns: new KeyTurns(),
    uploads,
    keyring,
    users: createUsers(metadata, [root.user]),
    postForms: createPostForms(authentication),
  };
  return {
    protocols: [createStsProtocol(sts, options), ...createS3Protocols(deps)],
    authenticators: [createS3Authenticator(authentication)],
    authorizers: [new S3Authorizer({ ...deps, clientAddress: clientAddresses(options.trustedProxies) })],
    tasks: s3Tasks(deps),
    api: [...keyRoutes({ keys, rootUser: root.user }), ...revocationRoutes(revocations)],
  };
}
