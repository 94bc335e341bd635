/** Condition keys that any request may have, in lower case. */
const KEYS: ReadonlySet<string> = new Set([
  'aws:currenttime',
  'aws:epochtime',
  'aws:principalarn',
  'aws:principaltype',
  'aws:referer',
  'aws:securetransport',
  'aws:sourceip',
  'aws:useragent',
  'aws:userid',
  'aws:username',
  'oci:digest',
  'oci:tag',
  's3:authtype',
  's3:delimiter',
  's3:if-match',
  's3:if-none-match',
  's3:max-keys',
  's3:object-lock-legal-hold',
  's3:object-lock-mode',
  's3:object-lock-remaining-retention-days',
  's3:object-lock-retain-until-date',
  's3:prefix',
  's3:requestobjecttagkeys',
  's3:signatureage',
  's3:signatureversion',
  's3:versionid',
  'zas:groups',
  'zas:roles',
  'zas:via',
]);

/** Families of keys, by how they begin. */
const PREFIXES: readonly string[] = ['aws:principaltag/', 'jwt:', 's3:requestobjecttag/', 's3:x-amz-'];
/** Only where the bucket's own policy is asked, which has the object at hand. */
const OF_BUCKETS = 's3:existingobjecttag/';

/** What keeps a condition key from being one; undefined for a good one. `key` is in lower case. */
export function keyProblem(key: string): string | undefined {
  if (KEYS.has(key)) return undefined;
  if (PREFIXES.some((prefix) => key.startsWith(prefix) && key.length > prefix.length)) return undefined;
  if (key.startsWith(OF_BUCKETS)) return 'is known in policies of buckets only';
  return 'is not a condition key of this server';
}
