import { z } from 'zod';
import { fileName, wholeNumber } from '../../../config/fields.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const SCHEMES: Readonly<Record<string, RegExp>> = { syslog: /^(?:udp|tcp|tls):$/, webhook: /^https?:$/ };
/** `log audit` of RFC 5424. */
const AUDIT_FACILITY = 13;
const MAX_EXPORTS = 16;

/** What each kind needs and may have, besides its name. */
const KEYS: Readonly<Record<string, { readonly needs: readonly string[]; readonly may: readonly string[] }>> =
  {
    stdout: { needs: [], may: [] },
    file: { needs: ['path'], may: ['format'] },
    syslog: { needs: ['url'], may: ['facility', 'caFile'] },
    webhook: { needs: ['url'], may: ['tokenFile', 'secretFile'] },
  };

const oneExport = z
  .strictObject({
    name: z
      .string({ error: 'must be a name' })
      .regex(NAME, 'must be a name of lower-case letters, digits and "-"')
      .meta({
        description: 'What it is called; another name starts again at the first record that is kept.',
      }),
    type: z
      .enum(['stdout', 'file', 'syslog', 'webhook'], {
        error: 'must be "stdout", "file", "syslog" or "webhook"',
      })
      .meta({ description: 'Where records go.' }),
    path: z
      .string({ error: 'must be the path of a file' })
      .min(1)
      .max(4096)
      .optional()
      .meta({ description: 'Of a file: where it is. It is appended to, and made when it is not there.' }),
    format: z
      .enum(['record', 'zot'], { error: 'must be "record" or "zot"' })
      .optional()
      .meta({ description: 'Of a file: whole records, or the lines of zot\'s audit log. Default "record".' }),
    url: z.string({ error: 'must be a URL' }).max(4096).optional().meta({
      description:
        'Of syslog: "udp://host:514", "tcp://host:601" or "tls://host:6514"; of a webhook: where to POST to.',
    }),
    facility: wholeNumber('Of syslog: the facility. Default 13, log audit.', { min: 0, max: 23 }),
    caFile: fileName(
      'Of syslog over TLS: the certificates of authorities to trust instead of the usual ones.',
    ),
    tokenFile: fileName('Of a webhook: a file with the token that is sent as Bearer.'),
    secretFile: fileName('Of a webhook: a file with the secret that signs each body (x-zas-signature).'),
  })
  .superRefine((given, context) => {
    const { needs, may } = KEYS[given.type] ?? { needs: [], may: [] };
    for (const [key, value] of Object.entries(given)) {
      if (value === undefined || key === 'name' || key === 'type' || [...needs, ...may].includes(key))
        continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `has no meaning for the type "${given.type}"`,
      });
    }
    for (const key of needs) {
      if (Object.entries(given).some(([name, value]) => name === key && value !== undefined)) continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `is missing; the type "${given.type}" needs it`,
      });
    }
    const problem = given.url === undefined ? undefined : urlProblem(given.type, given.url);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['url'], message: problem });
    if (given.caFile !== undefined && given.url !== undefined && !given.url.startsWith('tls:')) {
      context.addIssue({ code: 'custom', path: ['caFile'], message: 'needs a url that begins with "tls:"' });
    }
  });

export type ExportOptions = z.output<typeof oneExport>;

/** `extensions.audit.exports`. */
export const exportsField = z
  .array(oneExport, { error: 'must be a list of exports' })
  .max(MAX_EXPORTS)
  .superRefine((all, context) => {
    for (const [index, { name }] of all.entries()) {
      if (all.findIndex((other) => other.name === name) === index) continue;
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: `is that of another export, "${name}"`,
      });
    }
  })
  .default([])
  .meta({ description: 'Where records are sent to, each at least once. Default none.' });

export function facilityOf({ facility }: ExportOptions): number {
  return facility ?? AUDIT_FACILITY;
}

function urlProblem(type: string, text: string): string | undefined {
  const url = URL.parse(text);
  const scheme = SCHEMES[type];
  if (scheme === undefined) return undefined;
  if (url === null || url.hostname === '' || !scheme.test(url.protocol)) {
    return type === 'syslog' ? 'must be as "udp://host:514"' : 'must be as "https://host/path"';
  }
  if (url.username !== '' || url.password !== '') return 'must not have a user or a password; use tokenFile';
  if (type === 'syslog' && url.port === '') return 'must name a port, as "udp://host:514"';
  return undefined;
}
