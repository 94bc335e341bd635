import { defineConfig } from 'vitest/config';

/** Four time budgets: unit beside the source, then contract, conformance (a started server) and fault (a killed server). */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'examples/*/src/**/*.test.ts',
            'bench/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          exclude: ['**/*.contract.test.ts', '**/node_modules/**', '**/dist/**'],
          // Against tests that hang; a machine that is busy with other things must not fail those that work.
          testTimeout: 30_000,
        },
      },
      { test: { name: 'contract', include: ['packages/*/src/**/*.contract.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'fault',
          include: ['test/fault/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
