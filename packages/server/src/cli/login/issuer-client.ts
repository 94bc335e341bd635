import { StoreError } from '@zot-artifact-store/spec';
import * as openid from 'openid-client';
import type { Login } from './login-file.ts';

/** Who logs a user in for a server. */
export interface CliProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** What a person is told to do in a browser, on whatever machine. */
export interface DeviceInstructions {
  readonly url: string;
  readonly code: string;
  /** With the code in it already. */
  readonly completeUrl?: string;
}

const DEFAULT_LIFETIME_SECONDS = 60;

/**
 * Logs in by device flow (RFC 8628): tells what to do, then waits until it is done. Throws `unauthenticated` when the person
 * or the issuer refuses or takes too long, `unavailable` when the issuer does not answer.
 */
export async function logInByDevice(
  provider: CliProvider,
  {
    tell,
    signal,
  }: { readonly tell: (instructions: DeviceInstructions) => void; readonly signal: AbortSignal },
): Promise<Login> {
  const config = await discover(provider);
  const device = await attempt(provider.issuer, () =>
    openid.initiateDeviceAuthorization(config, { scope: provider.scopes.join(' ') }),
  );
  tell({
    url: device.verification_uri,
    code: device.user_code,
    ...(device.verification_uri_complete && { completeUrl: device.verification_uri_complete }),
  });
  const tokens = await attempt(provider.issuer, () =>
    openid.pollDeviceAuthorizationGrant(config, device, undefined, { signal }),
  );
  return toLogin(provider, tokens);
}

/** The same login with a new access token. Throws `unauthenticated` when the issuer ended it. */
export async function refreshLogin(login: Login): Promise<Login> {
  const { refreshToken, provider, issuer, clientId } = login;
  if (refreshToken === undefined) {
    throw new StoreError(
      'unauthenticated',
      `The login at ${issuer} has ended; log in again with "zas login".`,
    );
  }
  const config = await discover(login);
  const tokens = await attempt(issuer, () => openid.refreshTokenGrant(config, refreshToken));
  return { ...toLogin({ name: provider, issuer, clientId }, tokens, refreshToken) };
}

/** Takes the login back at the issuer, as far as it offers that. */
export async function revokeLogin(login: Login): Promise<void> {
  const config = await discover(login);
  if (config.serverMetadata().revocation_endpoint === undefined) return;
  const token = login.refreshToken ?? login.accessToken;
  await attempt(login.issuer, () => openid.tokenRevocation(config, token));
}

function discover({
  issuer,
  clientId,
}: Pick<CliProvider, 'issuer' | 'clientId'>): Promise<openid.Configuration> {
  const url = URL.parse(issuer);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new StoreError(
      'unavailable',
      `The server names an issuer that is no address: ${issuer.slice(0, 200)}`,
    );
  }
  const execute = url.protocol === 'http:' ? [openid.allowInsecureRequests] : [];
  return attempt(issuer, () => openid.discovery(url, clientId, undefined, openid.None(), { execute }));
}

async function attempt<T>(issuer: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof openid.ResponseBodyError) {
      const said = cause.error_description ?? cause.error;
      throw new StoreError('unauthenticated', `${issuer} did not accept the login: ${said}.`, { cause });
    }
    if (cause instanceof Error && cause.name === 'AbortError') {
      throw new StoreError('unauthenticated', 'Ended before the login was done.', { cause });
    }
    throw new StoreError('unavailable', `The issuer ${issuer} does not answer as it should.`, { cause });
  }
}

function toLogin(
  { name, issuer, clientId }: Pick<CliProvider, 'name' | 'issuer' | 'clientId'>,
  tokens: openid.TokenEndpointResponse,
  before?: string,
): Login {
  const refreshToken = tokens.refresh_token ?? before;
  return {
    provider: name,
    issuer,
    clientId,
    accessToken: tokens.access_token,
    ...(refreshToken !== undefined && { refreshToken }),
    expiresAtMs: Date.now() + (tokens.expires_in ?? DEFAULT_LIFETIME_SECONDS) * 1000,
  };
}
