import { expect, it } from 'vitest';
import { apiReference } from './api-reference.ts';

it('docs/api.md has every route of the API; "npm run docs" writes them', async () => {
  const { is, wanted } = await apiReference();
  expect(is).toBe(wanted);
});
