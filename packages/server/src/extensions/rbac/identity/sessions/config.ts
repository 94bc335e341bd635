import { wholeNumber } from '../../../../config/fields.ts';

/** What of `extensions.rbac` is about logins of browsers. */
export const sessionFields = {
  sessionLifetimeSeconds: wholeNumber('How long a login of a browser counts. Default 28800, eight hours.', {
    min: 60,
    max: 2_592_000,
  }).default(28_800),
};
