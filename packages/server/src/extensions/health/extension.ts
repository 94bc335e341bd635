import { z } from 'zod';
import { defineExtension, type Extension, type HealthCheck } from '../../extension/contract.ts';
import { healthProtocol } from './protocol.ts';
import { Readiness } from './readiness.ts';

export interface HealthOptions {
  /** What readiness depends on; asked at every look, because other extensions bring checks too. */
  checks(): readonly HealthCheck[];
}

/** `/livez`, `/readyz` and `/startupz`, open to everyone, for load balancers and Kubernetes. */
export function health({ checks }: HealthOptions): Extension<Record<string, never>> {
  return defineExtension({
    name: 'health',
    config: z.strictObject({}) as z.ZodType<Record<string, never>>, // zod infers `{}`, which means the same
    setup: ({ clock, log }) => ({
      protocols: [healthProtocol(new Readiness({ checks, clock, log }))],
    }),
  });
}
