import { describe, expect, it } from 'vitest';
import { readinessLine } from './readiness-line.ts';

const given = {
  isTls: false,
  host: '127.0.0.1',
  port: 8080,
  dataFolder: '/srv/zas',
  rootPasswordPath: '/srv/zas/root-password',
};

describe('readinessLine', () => {
  it('has the URL, the data folder and where the root password is', () => {
    expect(readinessLine(given)).toBe(
      'zas ready on http://127.0.0.1:8080 · data /srv/zas · root password in /srv/zas/root-password',
    );
  });

  it('has https, brackets around an IPv6 address, and names the environment', () => {
    expect(readinessLine({ ...given, isTls: true, host: '::1', rootPasswordPath: undefined })).toBe(
      'zas ready on https://[::1]:8080 · data /srv/zas · root password from the environment',
    );
  });
});
