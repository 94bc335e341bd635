import { X509Certificate } from 'node:crypto';

/** What a certificate says of its holder. */
export interface CertificateNames {
  /** Undefined where there is none, or several. */
  readonly commonName: string | undefined;
  /** RFC 2253, as zot spells it: the last part first. */
  readonly subject: string;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
}

/** The names in a DER certificate. Throws an Error when it is none. */
export function certificateNames(der: Buffer): CertificateNames {
  const certificate = new X509Certificate(der);
  const parts = certificate.subject === undefined ? [] : certificate.subject.split('\n').filter(Boolean);
  const commonNames = parts.filter((part) => part.startsWith('CN=')).map((part) => unescaped(part.slice(3)));
  const alternatives = alternativeNames(certificate.subjectAltName ?? '');
  const of = (kind: string): readonly string[] =>
    alternatives.flatMap((name) => (name.startsWith(`${kind}:`) ? [plainValue(name)] : []));
  return {
    commonName: commonNames.length === 1 ? commonNames[0] : undefined,
    subject: parts.reverse().join(','),
    uris: of('URI'),
    dnsNames: of('DNS'),
    emails: of('email'),
  };
}

/** Node separates names by a comma and a space, and writes those with anything special in them as JSON strings. */
function alternativeNames(text: string): readonly string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g)?.map((name) => name.trim()) ?? [];
}

function plainValue(name: string): string {
  const value = name.slice(name.indexOf(':') + 1);
  return value.startsWith('"') ? String(JSON.parse(value)) : value;
}

/** Undoes the escapes of RFC 2253: a backslash before a character, or before the two digits of a byte. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes: Buffer[] = [];
  for (const [part] of text.matchAll(/\\[0-9A-Fa-f]{2}|\\?[\s\S]/gu)) {
    const isByte = part.length === 3 && part.startsWith('\\');
    bytes.push(isByte ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part.replace(/^\\(?=[\s\S])/, '')));
  }
  return Buffer.concat(bytes).toString('utf8');
}
