import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import type { Config } from './config.ts';
import { NAMES_FILE } from './fields.ts';
import { formatPath, type KeyPath, type Problem } from './key-path.ts';
import { errorCode } from './overrides.ts';
import type { BuiltInSections } from './sections.ts';

/** The files a configuration names must be there, readable, and hold what they should. */
export async function checkFiles(config: Config, sections: BuiltInSections): Promise<Problem[]> {
  const problems: Problem[] = [];
  const read = async (place: string, path: string): Promise<Buffer | undefined> => {
    try {
      return await readFile(path);
    } catch (error) {
      problems.push({ place, message: `names ${path}, which cannot be read (${errorCode(error)})` });
      return undefined;
    }
  };
  if (config.access.htpasswdPath !== undefined) {
    await read('http.auth.htpasswd.path', config.access.htpasswdPath);
  }
  const { ldap, tokenServer } = config.access;
  if (ldap?.caPath !== undefined) await read('http.auth.ldap.caCert', ldap.caPath);
  if (ldap?.credentialsPath !== undefined) {
    await read('http.auth.ldap.credentialsFile', ldap.credentialsPath);
  }
  if (tokenServer !== undefined) await read('http.auth.bearer.cert', tokenServer.certPath);
  if (config.storage.secretKeyPath !== undefined) {
    await read('ZAS_SECRET_KEY_FILE', config.storage.secretKeyPath);
  }
  for (const [index, { certificateAuthorityFile }] of config.access.bearerOidc.entries()) {
    if (certificateAuthorityFile === undefined) continue;
    await read(`http.auth.bearer.oidc[${index}].certificateAuthorityFile`, certificateAuthorityFile);
  }
  for (const [name, schema] of Object.entries(sections)) {
    for (const { place, path } of filesNamed(schema, config.sections[name], ['extensions', name])) {
      await read(place, path);
    }
  }
  const { tls } = config.http;
  if (tls === undefined) return problems;
  const cert = await read('http.tls.cert', tls.certPath);
  const key = await read('http.tls.key', tls.keyPath);
  if (cert !== undefined && key !== undefined) problems.push(...checkPair(cert, key, tls.certPath));
  const authority = tls.caPath === undefined ? undefined : await read('http.tls.cacert', tls.caPath);
  if (authority !== undefined && !isCertificate(authority)) {
    problems.push({
      place: 'http.tls.cacert',
      message: `names ${tls.caPath}, which holds no PEM certificate`,
    });
  }
  return problems;
}

/** The values of keys that `fileName` made, wherever in a section they are. */
function filesNamed(
  schema: z.core.$ZodType,
  value: unknown,
  at: KeyPath,
): { readonly place: string; readonly path: string }[] {
  if (schema instanceof z.ZodType && schema.meta()?.[NAMES_FILE] === true && typeof value === 'string') {
    return value === '' ? [] : [{ place: formatPath(at), path: value }];
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return filesNamed(schema.unwrap(), value, at);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((part, index) => filesNamed(schema.element, part, [...at, index]));
  }
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const own = schema.shape[key];
    return own === undefined ? [] : filesNamed(own, part, [...at, key]);
  });
}

function checkPair(cert: Buffer, key: Buffer, certPath: string): Problem[] {
  if (!isCertificate(cert)) {
    return [{ place: 'http.tls.cert', message: `names ${certPath}, which holds no PEM certificate` }];
  }
  try {
    createSecureContext({ cert, key });
    return [];
  } catch {
    const message =
      'names a file that is not the unencrypted PEM private key of the certificate in http.tls.cert';
    return [{ place: 'http.tls.key', message }];
  }
}

function isCertificate(pem: Buffer): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
