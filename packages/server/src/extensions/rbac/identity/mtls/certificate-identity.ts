import { RE2JS } from 're2js';
import type { CertificateNames } from './certificate-names.ts';

/** zot's `http.auth.mtls`, with defaults filled in. */
export interface CertificateOptions {
  /** Lower-case: `commonname`, `subject`, `email`, `uri`, `dnsname` and zot's other words for them. */
  readonly identityAttributes: readonly string[];
  /** Its first group is the name. */
  readonly uriPattern?: string;
  readonly uriIndex: number;
  readonly dnsIndex: number;
  readonly emailIndex: number;
}

/** Names users by their certificates, by the first of the configured attributes that is there. */
export class CertificateIdentity {
  readonly #options: CertificateOptions;
  readonly #uriPattern: RE2JS | undefined;

  /** Throws what RE2 throws for a pattern that is none. */
  constructor(options: CertificateOptions) {
    this.#options = options;
    // RE2 takes time in proportion to what it reads, whatever the pattern.
    this.#uriPattern = options.uriPattern === undefined ? undefined : RE2JS.compile(options.uriPattern);
  }

  nameOf(names: CertificateNames): string | undefined {
    for (const attribute of this.#options.identityAttributes) {
      const name = this.#byAttribute(attribute, names);
      if (name !== undefined && name !== '') return name;
    }
    return undefined;
  }

  #byAttribute(attribute: string, names: CertificateNames): string | undefined {
    const { uriIndex, dnsIndex, emailIndex } = this.#options;
    switch (attribute) {
      case 'commonname':
      case 'cn':
        return names.commonName;
      case 'subject':
      case 'dn':
        return names.subject;
      case 'email':
      case 'rfc822name':
        return names.emails[emailIndex];
      case 'dnsname':
      case 'dns':
        return names.dnsNames[dnsIndex];
      case 'uri':
      case 'url':
        return this.#byUri(names.uris[uriIndex]);
      default:
        return undefined;
    }
  }

  #byUri(uri: string | undefined): string | undefined {
    if (uri === undefined || this.#uriPattern === undefined) return uri;
    const matcher = this.#uriPattern.matcher(uri);
    return matcher.find() && matcher.groupCount() > 0 ? (matcher.group(1) ?? undefined) : undefined;
  }
}
