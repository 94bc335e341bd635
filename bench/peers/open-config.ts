/** Anonymous clients may do everything, as at the peers. All else, durability above all, is as it is by default. */
export const OPEN_CONFIG = {
  http: {
    accessControl: {
      repositories: { '**': { anonymousPolicy: ['read', 'create', 'update', 'delete'] } },
    },
  },
};
