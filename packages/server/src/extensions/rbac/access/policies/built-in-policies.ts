/** Policies that are always there and never change. */
export const BUILT_IN_POLICIES: Readonly<Record<string, object>> = {
  /** Everything, the management API included. */
  admin: allow(['*'], ['*']),
  /** Reads, writes and deletes everywhere, and makes buckets; administers nothing. */
  writer: allow(['oci:*', 's3:*'], ['*']),
  /** Reads and lists everywhere. */
  reader: allow(
    ['oci:Ping', 'oci:ListRepositories', 'oci:Pull', 's3:Get*', 's3:List*'],
    ['arn:zas:oci:::*', 'arn:aws:s3:::*', 'arn:zas:admin:::server'],
  ),
  /** Pulls and pushes in every repository; deletes nothing. */
  pusher: allow(
    ['oci:Ping', 'oci:ListRepositories', 'oci:Pull', 'oci:Push', 'oci:Tag'],
    ['arn:zas:oci:::*', 'arn:zas:admin:::server'],
  ),
  puller: allow(
    ['oci:Ping', 'oci:ListRepositories', 'oci:Pull'],
    ['arn:zas:oci:::*', 'arn:zas:admin:::server'],
  ),
  /** Sees how the server is set up and what happened, and no content. */
  auditor: allow(
    ['admin:Get*', 'admin:List*', 'admin:Explain*', 'admin:Test*', 'admin:Query*', 'admin:Verify*'],
    ['arn:zas:admin:::*'],
  ),
  /** Makes buckets of one's own and lists them. What lies in one's own buckets is one's own anyway. */
  'bucket-owner': allow(['s3:CreateBucket', 's3:ListAllMyBuckets'], ['arn:aws:s3:::*']),
};

function allow(actions: readonly string[], resources: readonly string[]): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }],
  };
}
