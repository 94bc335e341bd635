import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { CertificateIdentity, type CertificateOptions } from './certificate-identity.ts';
import { certificateNames } from './certificate-names.ts';

type AltName = { readonly type: 1 | 2 | 6; readonly value: string };

async function der(attributes: { name: string; value: string }[], altNames: AltName[] = []): Promise<Buffer> {
  const { cert } = await generate(attributes, {
    ...(altNames.length > 0 && { extensions: [{ name: 'subjectAltName', altNames }] }),
  });
  return new X509Certificate(cert).raw;
}

const NAMES = {
  commonName: 'alice',
  subject: 'CN=alice,O=Example',
  uris: ['spiffe://example.org/workload/builder', 'https://example.org'],
  dnsNames: ['a.example.org', 'b.example.org'],
  emails: ['alice@example.org'],
};

function nameOf(options: Partial<CertificateOptions>, names = NAMES): string | undefined {
  const all = { identityAttributes: ['commonname'], uriIndex: 0, dnsIndex: 0, emailIndex: 0, ...options };
  return new CertificateIdentity(all).nameOf(names);
}

describe('the names in a certificate', () => {
  it('are those of its subject and its alternatives, whatever is in them', async () => {
    const certificate = await der(
      [
        { name: 'commonName', value: 'alice\\, the first' },
        { name: 'organizationName', value: 'Example' },
      ],
      [
        { type: 6, value: 'spiffe://example.org/a, DNS:evil' },
        { type: 2, value: 'a.example.org' },
        { type: 1, value: 'alice@example.org' },
        { type: 2, value: 'b.example.org' },
      ],
    );
    expect(certificateNames(certificate)).toEqual({
      commonName: 'alice, the first',
      subject: 'O=Example,CN=alice\\, the first',
      uris: ['spiffe://example.org/a, DNS:evil'],
      dnsNames: ['a.example.org', 'b.example.org'],
      emails: ['alice@example.org'],
    });
  });

  it('have no common name where there are two', async () => {
    const certificate = await der([
      { name: 'commonName', value: 'alice' },
      { name: 'commonName', value: 'root' },
    ]);
    expect(certificateNames(certificate).commonName).toBeUndefined();
  });
});

describe('the user a certificate names', () => {
  it('is its common name unless another attribute is configured', () => {
    expect(nameOf({})).toBe('alice');
    expect(nameOf({ identityAttributes: ['subject'] })).toBe('CN=alice,O=Example');
    expect(nameOf({ identityAttributes: ['email'] })).toBe('alice@example.org');
    expect(nameOf({ identityAttributes: ['dns'], dnsIndex: 1 })).toBe('b.example.org');
    expect(nameOf({ identityAttributes: ['uri'], uriIndex: 1 })).toBe('https://example.org');
  });

  it('is named by the first attribute that is there', () => {
    expect(nameOf({ identityAttributes: ['uri', 'commonname'], uriIndex: 5 })).toBe('alice');
    expect(nameOf({ identityAttributes: ['email', 'dn'] }, { ...NAMES, emails: [] })).toBe(NAMES.subject);
    expect(nameOf({}, { ...NAMES, commonName: '' })).toBeUndefined();
  });

  it('is the first group of the pattern for URIs', () => {
    const uri = { identityAttributes: ['uri', 'commonname'] };
    expect(nameOf({ ...uri, uriPattern: 'spiffe://example.org/workload/(.*)' })).toBe('builder');
    expect(nameOf({ ...uri, uriPattern: 'spiffe://other.org/(.*)' })).toBe('alice');
    expect(nameOf({ ...uri, uriPattern: 'spiffe://example.org/workload/.*' })).toBe('alice');
    expect(() => nameOf({ ...uri, uriPattern: '(' })).toThrow();
  });

  it('is found in time even where the pattern is a trap', () => {
    const uris = [`spiffe://${'a'.repeat(50_000)}!`];
    expect(
      nameOf({ identityAttributes: ['uri'], uriPattern: '^spiffe://((a+)+)+$' }, { ...NAMES, uris }),
    ).toBe(undefined);
  });
});
