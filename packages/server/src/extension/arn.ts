import type { Permission } from './access.ts';

const REPOSITORY = 'repository:';
const BUCKET = 'bucket:';

/** How policies name what a permission is about. */
export function arnOf({ resource }: Pick<Permission, 'resource'>): string {
  if (resource.startsWith(REPOSITORY)) return `arn:zas:oci:::${resource.slice(REPOSITORY.length)}`;
  if (resource.startsWith(BUCKET)) return `arn:aws:s3:::${resource.slice(BUCKET.length)}`;
  return `arn:zas:admin:::${resource.replace(/^admin:/, '')}`;
}

/** The resource of a permission that `arnOf` gives this for; undefined for no such ARN. */
export function resourceOfArn(arn: string): string | undefined {
  const [, partition, service, rest] = /^arn:(aws|zas):([a-z0-9]+):::(.+)$/s.exec(arn) ?? [];
  if (rest === undefined) return undefined;
  if (partition === 'zas' && service === 'oci') return `${REPOSITORY}${rest}`;
  if (partition === 'aws' && service === 's3') return `${BUCKET}${rest}`;
  if (partition === 'zas' && service === 'admin') return rest === 'server' ? rest : `admin:${rest}`;
  return undefined;
}
