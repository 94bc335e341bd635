import { wholeNumber } from '../../../../config/fields.ts';

/** `registryTokenSeconds` and `refreshTokenDays` of the section `extensions.rbac`. */
export const tokenFields = {
  registryTokenSeconds: wholeNumber(
    'How long a token of the registry is good for, before a client gets another. Default 300.',
    { min: 60, max: 3600 },
  ),
  refreshTokenDays: wholeNumber(
    'How long `docker login` lasts with what it keeps instead of the password; 0 gives it nothing to keep. Default 30.',
    { min: 0, max: 365 },
  ),
};

const SECOND_MS = 1000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;

export function tokenLifetimes(section: {
  readonly registryTokenSeconds?: number | undefined;
  readonly refreshTokenDays?: number | undefined;
}): { readonly tokenMs: number; readonly refreshMs: number } {
  return {
    tokenMs: (section.registryTokenSeconds ?? 300) * SECOND_MS,
    refreshMs: (section.refreshTokenDays ?? 30) * DAY_MS,
  };
}
