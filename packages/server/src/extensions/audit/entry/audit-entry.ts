import type { Principal } from '../../../extension/access.ts';
import type { Judgement, NotedFacts, RequestRecord } from '../../../extension/recorder.ts';
import type { Json } from './canonical-json.ts';
import { plainText } from './plain-text.ts';

const MAX_NAME = 256;
const MAX_RESOURCE = 1300;
const MAX_TEXT = 512;
const MAX_MEMBERSHIPS = 50;
const MAX_JUDGEMENTS = 8;
const MAX_NOTES = 24;
const MAX_ATTRIBUTES = 12;

/** What a line of the trail says besides its place in it. */
export type AuditEntry = { readonly [name: string]: Json | undefined };

const REFUSALS: ReadonlySet<string> = new Set(['unauthenticated', 'denied', 'too-many-requests']);

/** What the trail says of a request: who, what, from where, with which result, and who decided it. */
export function auditEntry(record: RequestRecord, timeMs: number): AuditEntry {
  const { errorKind, errorMessage, notes, judgements } = record;
  return {
    type: 'request',
    time: new Date(timeMs).toISOString(),
    event: eventOf(record),
    result: resultOf(record),
    who: whoOf(record),
    from: {
      address: record.remoteAddress,
      forwardedFor: text(record.forwardedFor, MAX_TEXT),
      userAgent: text(record.userAgent, MAX_TEXT),
    },
    request: {
      id: record.id,
      method: plainText(record.method, MAX_NAME),
      path: plainText(record.path, MAX_RESOURCE),
      operation: record.operation,
      status: record.status,
      durationMs: Math.round(record.durationMs),
      bytesIn: record.bytesIn,
    },
    ...(errorKind !== undefined && {
      error: {
        kind: errorKind,
        message: text(errorMessage, MAX_TEXT),
        reason: text(record.reason, MAX_TEXT),
      },
    }),
    ...(judgements.length > 0 && { decisions: shownJudgements(judgements).map(decisionOf) }),
    ...(judgements.length > MAX_JUDGEMENTS && { decisionsLeftOut: judgements.length - MAX_JUDGEMENTS }),
    digest: text(record.digest, MAX_NAME),
    versionId: text(record.versionId, MAX_NAME),
    ...(notes !== undefined && { notes: notesOf(notes) }),
  };
}

function eventOf({ notes, errorKind, hasCredentials, method }: RequestRecord): string {
  if (typeof notes?.event === 'string') return plainText(notes.event, MAX_NAME);
  if (errorKind === 'unauthenticated' && hasCredentials) return 'login-failed';
  if (errorKind !== undefined && REFUSALS.has(errorKind)) return 'refusal';
  if (method === 'DELETE') return 'delete';
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? 'read' : 'change';
}

function resultOf({ errorKind, status }: RequestRecord): 'done' | 'refused' | 'failed' {
  if (errorKind !== undefined) return REFUSALS.has(errorKind) ? 'refused' : 'failed';
  return status < 400 ? 'done' : 'failed';
}

function whoOf({ principal, triedAs }: RequestRecord): Json {
  if (principal.kind === 'anonymous') return { anonymous: true, triedAs: text(triedAs, MAX_NAME) };
  return {
    name: plainText(principal.name, MAX_NAME),
    via: principal.via,
    root: principal.isRoot ? true : undefined,
    issuer: text(principal.subject?.issuer, MAX_TEXT),
    subject: text(principal.subject?.id, MAX_NAME),
    credential: credentialOf(principal),
    groups: memberships(principal.groups),
    roles: memberships(principal.roles),
  };
}

function credentialOf({ credential, accessKeyId }: Extract<Principal, { kind: 'user' }>): Json | undefined {
  if (credential !== undefined) return { kind: credential.kind, id: plainText(credential.id, MAX_NAME) };
  return accessKeyId === undefined ? undefined : { kind: 'access-key', id: plainText(accessKeyId, MAX_NAME) };
}

function memberships(names: readonly string[] | undefined): Json | undefined {
  if (names === undefined || names.length === 0) return undefined;
  return names.slice(0, MAX_MEMBERSHIPS).map((name) => plainText(name, MAX_NAME));
}

/** The denial is the last one asked for: it must not fall off the end. */
function shownJudgements(judgements: readonly Judgement[]): readonly Judgement[] {
  const last = judgements.at(-1);
  if (judgements.length <= MAX_JUDGEMENTS || last === undefined) return judgements;
  return [...judgements.slice(0, MAX_JUDGEMENTS - 1), last];
}

function decisionOf({ permission, decision: { effect, decidedBy } }: Judgement): Json {
  const { action, resource, attributes } = permission;
  return {
    action,
    resource: plainText(resource, MAX_RESOURCE),
    attributes: attributes && factsOf(attributes, { count: MAX_ATTRIBUTES, chars: MAX_NAME }),
    effect,
    document: text(decidedBy?.decidedBy?.document, MAX_NAME),
    statement: text(decidedBy?.decidedBy?.statement, MAX_NAME),
    reason: text(decidedBy?.reason, MAX_TEXT),
  };
}

function notesOf(notes: NotedFacts): Json {
  const { event: _event, ...facts } = notes;
  return factsOf(facts, { count: MAX_NOTES, chars: MAX_RESOURCE });
}

function factsOf(facts: NotedFacts, max: { readonly count: number; readonly chars: number }): Json {
  const pairs = Object.entries(facts).slice(0, max.count);
  return Object.fromEntries(
    pairs.map(([name, value]) => [
      plainText(name, MAX_NAME),
      typeof value === 'string' ? plainText(value, max.chars) : wholeNumber(value),
    ]),
  );
}

function wholeNumber(value: number | boolean): number | boolean | null {
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return value;
  return Number.isFinite(value) ? Math.round(value) : null;
}

function text(value: string | undefined, maxLength: number): string | undefined {
  return value === undefined ? undefined : plainText(value, maxLength);
}
