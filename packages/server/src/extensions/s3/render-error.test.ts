import { StoreError } from '@zot-artifact-store/spec';
import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { expect, it } from 'vitest';
import { renderS3Error } from './render-error.ts';

it('tells whoever may know why access was refused', () => {
  const detail = { reason: 'from the office only', explanation: { effect: 'deny', action: 's3:GetObject' } };
  const error = new StoreError('denied', 'alice may not do s3:GetObject here', { detail });
  const { status, body } = renderS3Error(error, requestHead({ target: '/bucket/key' }));
  expect(status).toBe(403);
  expect(String(body)).toContain('<Code>AccessDenied</Code>');
  expect(String(body)).toContain('<Reason>from the office only</Reason>');
  expect(String(body)).toContain('<Explanation>{&quot;effect&quot;:&quot;deny&quot;');
  const untold = renderS3Error(new StoreError('denied', 'no'), requestHead({ target: '/bucket/key' }));
  expect(String(untold.body)).not.toContain('Explanation');
});
