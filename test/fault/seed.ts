import { randomBytes } from 'node:crypto';

/** Another one at each run; `ZAS_FAULT_SEED` repeats the choices of a run that failed, which names its seed. */
export const SEED = process.env.ZAS_FAULT_SEED ?? randomBytes(6).toString('hex');
