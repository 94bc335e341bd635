import type { Answer, ClientRequest } from '../client.ts';
import { Violation } from '../violation.ts';

/** Throws a Violation when the answer has none of these statuses. */
export function expectStatus(
  request: Pick<ClientRequest, 'method' | 'target'>,
  answer: Answer,
  statuses: readonly number[],
): void {
  if (statuses.includes(answer.status)) return;
  const { method, target } = request;
  const said = answer.body.toString('utf8', 0, 500);
  throw new Violation(
    `${method} ${target} was answered ${answer.status}, not ${statuses.join(' or ')}: ${said}`,
  );
}
