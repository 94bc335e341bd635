import { z } from 'zod';
import { accessControl } from './access-control-schema.ts';
import { ldap, mtls, tokenServerFields } from './auth-methods-schema.ts';
import { duration, flag, NOT_YET, notYet, saysDisabled, size, text, wholeNumber } from './fields.ts';
import { bearerOidc, openid } from './openid-schema.ts';
import type { BuiltInSections } from './sections.ts';

const MIB = 1024 * 1024;

const gcKeys = {
  gc: flag('Whether garbage is collected in the background. Default true; a sub-path takes it from storage.'),
  gcDelay: duration('How long content that nothing refers to is kept. Default "1h".'),
  gcInterval: duration('How often garbage is collected; "0" is once, at start. Default "1h".'),
  gcTimeWindow: notYet(),
};

const volumeKeys = {
  ...gcKeys,
  dedupe: flag('Accepted for zot; content is stored once whatever it says.'),
  commit: flag('Accepted for zot; every acknowledged write is on disk whatever it says.'),
  remoteCache: notYet(),
  redirectBlobURL: notYet(),
  maxRepos: notYet(),
  retention: notYet(),
  storageDriver: notYet(),
  cacheDriver: notYet(),
};

const subPath = z.strictObject({
  rootDirectory: text(
    'The data folder of these repositories. It must be given, and lie apart from all others.',
  ),
  ...volumeKeys,
});

const storage = z.strictObject({
  rootDirectory: z
    .string({ error: 'must be a string' })
    .min(1, 'must name a folder')
    .max(4096)
    .optional()
    .meta({
      description: 'The data folder, made when missing. Relative to the working directory. Default "data".',
    }),
  ...volumeKeys,
  fastRestart: flag('Accepted for zot; a start never walks the storage whatever it says.'),
  gcUntagged: flag(
    'Ours. Whether collection also removes manifests that no tag, index or subject holds, as zot does. Default false: they are kept.',
  ),
  reserveBytes: size('Ours. Writes are refused while the disk has less than this free. Default "64MiB".', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  metadataDriver: z.enum(['lmdb', 'memory'], { error: 'must be "lmdb" or "memory"' }).optional().meta({
    description: 'Ours. Where records are kept; "memory" forgets them at the end. Default "lmdb".',
  }),
  blobDriver: z
    .enum(['filesystem', 'memory'], { error: 'must be "filesystem" or "memory"' })
    .optional()
    .meta({
      description: 'Ours. Where content is kept; "memory" forgets it at the end. Default "filesystem".',
    }),
  subPaths: z.record(z.string(), subPath).optional().meta({
    description: 'Further data folders by prefix of repository name: {"/a": {"rootDirectory": "/mnt/a"}}.',
  }),
});

const tls = z.strictObject({
  cert: text('The certificate chain of the server, a PEM file; read again when it changes.'),
  key: text('The private key of the certificate, a PEM file; read again when it changes.'),
  cacert: text(
    'The authorities of client certificates, a PEM file. With neither auth nor an anonymous policy a client must show a certificate they signed; else one that is shown must verify.',
  ),
});

const auth = z.strictObject({
  htpasswd: z
    .strictObject({
      path: text('A file of user:hash lines (bcrypt, or SHA-crypt $5$ and $6$); read again when it changes.'),
    })
    .optional(),
  failDelay: wholeNumber(
    'Seconds for which a refusal for wrong credentials is held back. Default 0. Repeated failures are slowed down whatever it says.',
    { min: 0, max: 60 },
  ),
  ldap: ldap.optional(),
  bearer: z
    .strictObject({
      ...tokenServerFields,
      oidc: bearerOidc,
    })
    .optional(),
  openid: openid.optional(),
  apikey: flag(
    'Whether users make and delete their API keys at /zot/auth/apikey, as with zot. Default false; the API has them anyway.',
  ),
  mtls: mtls.optional(),
  sessionKeysFile: text(
    "Accepted for zot; sessions are kept in the store's own records, under random names, and need no keys.",
  ),
  sessionDriver: z
    .strictObject({
      name: z.literal('local', {
        error: 'must be "local": sessions are kept in the store, where all workers find them',
      }),
    })
    .optional()
    .meta({ description: 'Accepted for zot: {"name": "local"}.' }),
  secureSession: flag(
    'Whether cookies of browser logins are for https alone. Default: whether clients reach the server by https.',
  ),
});

const rate = (description: string) => wholeNumber(description, { min: 1, max: 1_000_000 });

const ratelimit = z.strictObject({
  rate: rate(
    'Requests a second that the server takes, of every method together; more get 429. Default none.',
  ),
  methods: z
    .array(
      z.strictObject({
        method: z
          .string({ error: 'must be a method' })
          .transform((method) => method.toUpperCase())
          .refine((method) => /^[A-Z]{1,20}$/.test(method), { error: 'must be a method such as "GET"' }),
        rate: rate('Requests of that method a second.'),
      }),
      { error: 'must be a list' },
    )
    .max(20)
    .optional()
    .meta({ description: 'Limits by method: [{"method": "PUT", "rate": 50}].' }),
});

const http = z.strictObject({
  address: text('The address to listen on. Default "127.0.0.1", as in zot.'),
  port: wholeNumber('The port to listen on; 0 lets the system choose. Default 8080.', {
    min: 0,
    max: 65_535,
  }),
  realm: text('The realm of the authentication challenge. Default "Zot Artifact Store".'),
  externalUrl: text(
    'How clients reach the server, such as "https://registry.example.com": where a provider sends browsers back to after a login. Links of the registry are relative whatever it says.',
  ),
  allowOrigin: text('Origins that browsers may call from (CORS), separated by commas; "*" for all.'),
  readTimeout: duration(
    'How long a request body may bring nothing; long uploads that keep coming are not cut. Default "1m"; "0" waits for ever.',
  ),
  writeTimeout: duration(
    'How long a client may take nothing of a response; long downloads that keep going are not cut. Default "1m"; "0" waits for ever.',
  ),
  maxManifestBytes: size('Ours. The largest manifest accepted. Default "4MiB".', { min: MIB, max: 64 * MIB }),
  tls: tls.optional(),
  compat: z
    .array(z.enum(['docker2s2'], { error: 'must be "docker2s2"' }), { error: 'must be a list' })
    .optional()
    .meta({ description: 'Formats accepted besides OCI: ["docker2s2"] for Docker schema 2.' }),
  auth: auth.optional(),
  accessControl: accessControl.optional(),
  ratelimit: ratelimit.optional(),
});

const LEVELS = ['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic'] as const;

const log = z.strictObject({
  level: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.toLowerCase() : value),
      z.enum(LEVELS, { error: 'must be "trace", "debug", "info", "warn", "error" or "fatal"' }),
    )
    .optional()
    .meta({ description: 'The least level that is logged. Default "info".' }),
  output: text('A file the log is appended to. Default: standard error.'),
  audit: text('A file to which a line is appended for each change a client made. Default: none.'),
});

/** zot's extensions that a later release brings. `search: {}` switches search on there, so only `enable: false` is off. */
const zotExtensions = {
  search: notYet(saysDisabled),
  sync: notYet(saysDisabled),
  metrics: notYet(saysDisabled),
  scrub: notYet(saysDisabled),
  lint: notYet(saysDisabled),
  ui: notYet(saysDisabled),
  trust: notYet(saysDisabled),
  events: notYet(saysDisabled),
  mgmt: z
    .unknown()
    .optional()
    .meta({ description: 'Accepted and without effect, as in zot.', [NOT_YET]: true }),
  apikey: z
    .unknown()
    .optional()
    .meta({ description: 'Accepted and without effect, as in zot.', [NOT_YET]: true }),
};

const thirdParty = z
  .looseObject({
    module: z.string({ error: 'must name the module to load' }).min(1).max(4096).meta({
      description: 'A package name, or a path relative to this file that starts with "./", "../" or "/".',
    }),
    enable: flag('False leaves the extension out.'),
  })
  .meta({ description: "A third party's extension; the keys beside these are its own." });

/**
 * The shape is that of zot's sections alone: which others there are is known when the server runs, so `resolveConfig`
 * takes them out by name.
 */
function extensions(sections: BuiltInSections) {
  const optional = Object.entries(sections).map(([name, section]) => [name, section.optional()]);
  const shape: typeof zotExtensions = Object.assign({}, zotExtensions, Object.fromEntries(optional));
  return z.object(shape).catchall(thirdParty);
}

/**
 * zot's configuration file as far as it is covered, and our additions, with the sections of the extensions that come
 * with the server. Keys are in their canonical spelling.
 */
export function configFileSchema(sections: BuiltInSections) {
  return z
    .strictObject({
      distSpecVersion: z
        .union([z.string(), z.number().transform(String)], { error: 'must be a version such as "1.1.1"' })
        .optional()
        .meta({ description: 'Accepted for zot; the newest distribution specification is served.' }),
      http: http.optional(),
      storage: storage.optional(),
      log: log.optional(),
      extensions: extensions(sections).optional(),
      workers: wholeNumber('Ours. How many processes serve requests. Default: one per core.', {
        min: 1,
        max: 256,
      }),
      scheduler: notYet(),
      cluster: notYet(),
    })
    .meta({ title: 'Configuration of Zot Artifact Store' });
}

export type ConfigFile = z.output<ReturnType<typeof configFileSchema>>;
