import type { S3Error } from '../errors.ts';

/** The services of this endpoint. */
export type Service = 's3' | 'sts';

/** `<access key>/20130524/us-east-1/s3/aws4_request`, taken apart. */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: Service;
  /** Everything after the access key, as it stands in a string to sign. */
  readonly text: string;
}

/** Which regions signatures may be made for. `us-east-1` is what clients use that were not told any. */
export interface RegionRule {
  readonly region: string;
  readonly acceptAnyRegion: boolean;
}

/** Makes the error of the place where the credential stood: header, query or form. */
export type Refusal = (why: string, fields?: Readonly<Record<string, string>>) => S3Error;

const DEFAULT_REGION = 'us-east-1';
const DAY = /^\d{8}$/;

/** Throws what `refuse` makes for anything that is no credential for this service, or for a region not ours. */
export function parseCredentialScope(
  text: string,
  { service: wanted = 's3', ...rule }: RegionRule & { readonly service?: Service },
  refuse: Refusal,
): CredentialScope {
  // From the right: the name of the root user may have slashes.
  const parts = text.split('/');
  const [date, region, service, terminal] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join('/');
  if (date === undefined || region === undefined || accessKeyId === '') {
    throw refuse(
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  if (terminal !== 'aws4_request') {
    throw refuse(`incorrect terminal "${shown(terminal)}". This endpoint uses "aws4_request".`);
  }
  if (service !== wanted) {
    throw refuse(`incorrect service "${shown(service)}". This endpoint belongs to "${wanted}".`);
  }
  if (!DAY.test(date)) {
    throw refuse(
      `incorrect date format "${shown(date)}". This date in the credential must be in the format "yyyyMMdd".`,
    );
  }
  if (!rule.acceptAnyRegion && region !== rule.region && region !== DEFAULT_REGION) {
    throw refuse(`the region '${shown(region)}' is wrong; expecting '${rule.region}'`, {
      Region: rule.region,
    });
  }
  return { accessKeyId, date, region, service: wanted, text: `${date}/${region}/${wanted}/aws4_request` };
}

function shown(text: string | undefined): string {
  return (text ?? '').slice(0, 64);
}
