import { z } from 'zod';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { Explanation } from '../../../extension/explain.ts';
import { type Answering, answer, questionFields } from '../access/question.ts';

const opinion = z.strictObject({
  effect: z.enum(['allow', 'deny', 'abstain']),
  reason: z.string().optional(),
  document: z.string().optional(),
  statement: z.string().optional(),
  message: z.string().optional(),
});

const explanation = z.strictObject({
  effect: z.enum(['allow', 'deny']),
  action: z.string(),
  resource: z.string(),
  decidedBy: opinion.optional().meta({ description: 'Missing when nothing allows it.' }),
  opinions: z.array(opinion),
  advice: z.string().optional().meta({ description: 'What would have to change.' }),
});

const MAX_CASES = 1000;

/** Why somebody may do something, or may not. */
export function explainRoutes(answering: Answering): readonly ApiRoute[] {
  return [
    defineRoute({
      name: 'ExplainDecision',
      method: 'POST',
      path: '/explain',
      summary: 'Decides as for somebody, does nothing, and says which statement of which document decided.',
      access: () => [{ action: 'admin:ExplainDecision', resource: 'server' }],
      body: z.strictObject(questionFields),
      status: 200,
      result: explanation,
      run: async ({ body }) => copyOf(await answer(body, answering)),
    }),
    defineRoute({
      name: 'TestPolicies',
      method: 'POST',
      path: '/policy-tests',
      summary: 'Decides a list of cases and says which came out as expected.',
      access: () => [{ action: 'admin:TestPolicies', resource: 'server' }],
      body: z.strictObject({
        cases: z
          .array(z.strictObject({ ...questionFields, expect: z.enum(['allow', 'deny']) }))
          .min(1)
          .max(MAX_CASES),
      }),
      status: 200,
      result: z.strictObject({
        passed: z.number(),
        failed: z.number(),
        results: z.array(z.strictObject({ passed: z.boolean(), explanation })),
      }),
      run: async ({ body }) => {
        const results = [];
        for (const { expect, ...question } of body.cases) {
          const found = copyOf(await answer(question, answering));
          results.push({ passed: found.effect === expect, explanation: found });
        }
        const passed = results.filter((result) => result.passed).length;
        return { passed, failed: results.length - passed, results };
      },
    }),
  ];
}

function copyOf(found: Explanation): z.input<typeof explanation> {
  return { ...found, opinions: [...found.opinions] };
}
