import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { assertNoEncryptionOfRead, customerKeyOf, openingKey } from '../encryption/opening.ts';
import { encryptionHeaders } from '../encryption/reply-headers.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { CHECKSUMS, checksumText } from '../object/checksum.ts';
import { type FoundObject, findObject } from '../object/find-object.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import { digestHeaders, validatorHeaders } from '../object/object-headers.ts';
import { objectPartsElement } from '../object/object-parts.ts';
import { STORAGE_CLASS } from '../object/storage-class.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';
import type { XmlContent, XmlElement } from '../xml/write.ts';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;
type Attribute = (typeof ATTRIBUTES)[number];

export const getObjectAttributes: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { bucket: name, key, query } = operation;
  const { head } = context;
  const asked = attributesAsked(head);
  const versionId = versionIdOfQuery(query);
  assertNoEncryptionOfRead(head);
  const customer = customerKeyOf(head);
  const bucket = await deps.buckets.require(name);
  const found = await findObject({ bucket, key, versionId }, context, deps);
  openingKey(found.record.encryption, customer, deps.keyring);
  const { etag: _, ...headers } = validatorHeaders(found);
  const parts = asked.has('ObjectParts') ? await objectPartsElement(head, found, deps) : undefined;
  return xmlReply('GetObjectAttributesResponse', attributesOf(found, asked, parts), {
    ...headers,
    ...digestHeaders(found.record),
    ...encryptionHeaders(found.record.encryption, customer),
  });
};

/** Throws InvalidRequest when none is asked for, InvalidArgument for one that there is not. */
function attributesAsked(head: RequestHead): ReadonlySet<Attribute> {
  const names = (headerOf(head, 'x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) {
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
    );
  }
  const asked = new Set<Attribute>();
  for (const name of names) {
    const attribute = ATTRIBUTES.find((known) => known === name);
    if (attribute === undefined) {
      throw invalidArgument('x-amz-object-attributes', name, 'Invalid attribute name specified.');
    }
    asked.add(attribute);
  }
  return asked;
}

function attributesOf(
  { record }: FoundObject,
  asked: ReadonlySet<Attribute>,
  parts: XmlElement | undefined,
): XmlElement {
  const all: Readonly<Record<Attribute, XmlContent>> = {
    ETag: record.etag,
    Checksum: checksumElement(record),
    ObjectParts: parts,
    StorageClass: STORAGE_CLASS,
    ObjectSize: record.sizeBytes,
  };
  return Object.fromEntries(ATTRIBUTES.filter((name) => asked.has(name)).map((name) => [name, all[name]]));
}

function checksumElement({ checksum, partsCount }: FoundObject['record']): XmlElement | undefined {
  if (checksum === undefined) return undefined;
  const { element } = CHECKSUMS[checksum.algorithm];
  return { [element]: checksumText(checksum, partsCount), ChecksumType: checksum.type };
}
