import type { TLSSocket, TlsOptions } from 'node:tls';

/** zot's words: `if-given` verifies a certificate that is shown; `required` takes no connection without one. */
export type ClientCertificates = 'none' | 'if-given' | 'required';

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Authorities of client certificates. */
  readonly ca: Buffer | undefined;
  readonly clientCertificates: ClientCertificates;
}

/** Forward secret and authenticated, in the order zot prefers them; the first three are TLS 1.3's. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export function serverTlsOptions(material: TlsMaterial): TlsOptions {
  return {
    cert: material.cert,
    key: material.key,
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    requestCert: material.clientCertificates !== 'none',
    // Decided by `isAcceptedClient`: node's own rejection would also refuse a client without a certificate.
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  };
}

/** Whether the connection may go on, given what the client showed. */
export function isAcceptedClient(socket: TLSSocket, clientCertificates: ClientCertificates): boolean {
  if (clientCertificates === 'none' || socket.authorized) return true;
  const isShown = socket.getPeerX509Certificate() !== undefined;
  return !isShown && clientCertificates === 'if-given';
}
