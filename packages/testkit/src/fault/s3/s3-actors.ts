import type { Attempt } from '../register.ts';
import { Violation } from '../violation.ts';
import type { Actor, Turn } from '../workload.ts';
import { type Content, LOCKED, type ObjectFact, PLAIN, pathOf, type S3Model, VERSIONED } from './s3-model.ts';
import { newBody, sendS3, sha256Of } from './s3-request.ts';

const LOCK_HEADER = { 'x-amz-bucket-object-lock-enabled': 'true' };
const ENABLED = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';

/** Made by whoever comes first after each start; making them again changes nothing. */
async function ensureBuckets(turn: Turn, model: S3Model): Promise<void> {
  if (model.hasBuckets) return;
  await sendS3(turn, { method: 'PUT', target: `/${PLAIN}` }, [200]);
  await sendS3(turn, { method: 'PUT', target: `/${VERSIONED}` }, [200]);
  await sendS3(
    turn,
    { method: 'PUT', target: `/${VERSIONED}?versioning=`, body: Buffer.from(ENABLED) },
    [200],
  );
  await sendS3(turn, { method: 'PUT', target: `/${LOCKED}`, headers: LOCK_HEADER }, [200]);
  model.hasBuckets = true;
}

export function s3Actors(model: S3Model): readonly Actor[] {
  const actor = (name: string, weight: number, act: (turn: Turn) => Promise<void>): Actor => ({
    name,
    weight,
    async act(turn) {
      await ensureBuckets(turn, model);
      await act(turn);
    },
  });
  return [
    actor('put an object', 8, (turn) => putObject(turn, model)),
    actor('delete an object', 3, (turn) => deleteObject(turn, model)),
    actor('upload in parts', 4, (turn) => uploadParts(turn, model)),
    actor('read an object', 4, (turn) => readBeside(turn, model)),
    actor('put a version', 4, (turn) => putVersion(turn, model)),
    actor('delete a version', 2, (turn) => deleteVersion(turn, model)),
    actor('put under retention', 1, (turn) => putLocked(turn, model)),
    actor('try to remove what is locked', 1, (turn) => removeLocked(turn, model)),
  ];
}

/** Enters the outcome of one change of an object into the model. */
async function attempted(
  model: S3Model,
  change: { readonly operation: string; readonly attempt: Attempt },
  send: () => Promise<void>,
): Promise<void> {
  try {
    await send();
  } catch (error) {
    change.attempt.lose();
    throw error;
  }
  change.attempt.acknowledge();
  model.ledger.acknowledged(change.operation);
}

async function putObject(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.objects);
  if (fact === undefined) return;
  const body = newBody(turn.random);
  const attempt = fact.content.attempt(sha256Of(body));
  await attempted(model, { operation: 's3 put', attempt }, async () => {
    await sendS3(turn, { method: 'PUT', target: pathOf(PLAIN, fact.key), body }, [200]);
  });
}

async function deleteObject(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.objects);
  if (fact === undefined) return;
  const attempt = fact.content.attempt(undefined);
  await attempted(model, { operation: 's3 delete', attempt }, async () => {
    await sendS3(turn, { method: 'DELETE', target: pathOf(PLAIN, fact.key) }, [204]);
  });
}

async function uploadParts(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.objects);
  if (fact === undefined) return;
  const target = pathOf(PLAIN, fact.key);
  const begun = await sendS3(turn, { method: 'POST', target: `${target}?uploads=` }, [200]);
  const uploadId = /<UploadId>(\w+)</.exec(begun.body.toString())?.[1] ?? '';
  const bodies = Array.from({ length: turn.random.integer(1, 4) }, () =>
    turn.random.bytes(turn.random.integer(1, 50_000)),
  );
  let list = '';
  for (const [index, body] of bodies.entries()) {
    const part = `${target}?partNumber=${index + 1}&uploadId=${uploadId}`;
    const answer = await sendS3(turn, { method: 'PUT', target: part, body }, [200]);
    list += `<Part><PartNumber>${index + 1}</PartNumber><ETag>${answer.headers.etag}</ETag></Part>`;
  }
  if (turn.random.chance(0.15)) {
    await sendS3(turn, { method: 'DELETE', target: `${target}?uploadId=${uploadId}` }, [204]);
    return;
  }
  const attempt = fact.content.attempt(sha256Of(Buffer.concat(bodies)));
  await attempted(model, { operation: 's3 multipart', attempt }, async () => {
    const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`);
    await sendS3(turn, { method: 'POST', target: `${target}?uploadId=${uploadId}`, body }, [200]);
  });
}

async function readBeside(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.objects);
  if (fact === undefined) return;
  const watch = fact.content.watch();
  const found = await readObject(turn, fact).finally(() => watch.end());
  const seen = watch.end();
  if (!seen.has(found)) throw fact.content.violation(found, seen);
}

/** What is there, whole: its hash is what its headers say, once they say it. */
export async function readObject(turn: Turn, { key }: Pick<ObjectFact, 'key'>): Promise<Content> {
  return readAt(turn, pathOf(PLAIN, key));
}

export async function readAt(turn: Turn, target: string): Promise<Content> {
  const answer = await sendS3(turn, { method: 'GET', target }, [200, 404]);
  if (answer.status === 404) return undefined;
  const sha256 = sha256Of(answer.body);
  const told = answer.headers['x-zas-sha256'];
  if (told !== undefined && told !== sha256) {
    throw new Violation(`${target} has the hash ${sha256}, and its headers say ${told}`);
  }
  return sha256;
}

async function putVersion(turn: Turn, model: S3Model): Promise<void> {
  const key = `versioned-${turn.random.integer(0, 3)}`;
  const body = newBody(turn.random);
  const answer = await sendS3(turn, { method: 'PUT', target: pathOf(VERSIONED, key), body }, [200]);
  const versionId = answer.headers['x-amz-version-id'];
  if (versionId === undefined) throw new Violation(`a version of ${key} came without its id`);
  model.addVersion(key, versionId, sha256Of(body));
  model.ledger.acknowledged('s3 put version');
}

async function deleteVersion(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.versions);
  if (fact === undefined) return;
  const target = `${pathOf(VERSIONED, fact.key)}?versionId=${fact.versionId}`;
  const attempt = fact.content.attempt(undefined);
  await attempted(model, { operation: 's3 delete version', attempt }, async () => {
    await sendS3(turn, { method: 'DELETE', target }, [204]);
  });
}

async function putLocked(turn: Turn, model: S3Model): Promise<void> {
  const key = `locked-${turn.random.integer(0, 1)}`;
  const body = newBody(turn.random);
  const headers = {
    'x-amz-object-lock-mode': 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date': new Date(Date.now() + 86_400_000).toISOString(),
  };
  const answer = await sendS3(turn, { method: 'PUT', target: pathOf(LOCKED, key), body, headers }, [200]);
  const versionId = answer.headers['x-amz-version-id'] ?? '';
  model.locked.push({ key, versionId, sha256: sha256Of(body) });
  model.ledger.acknowledged('s3 put under retention');
}

async function removeLocked(turn: Turn, model: S3Model): Promise<void> {
  const fact = turn.random.pick(model.locked);
  if (fact === undefined) return;
  const target = `${pathOf(LOCKED, fact.key)}?versionId=${fact.versionId}`;
  await sendS3(turn, { method: 'DELETE', target }, [403]);
}
