// Where the issuer keeps tokens and codes, apart from the provider, so that they survive a rotation of its keys.

import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Stored {
  readonly payload: AdapterPayload;
  readonly expiresAtMs: number;
}

export interface Storage {
  /** As oidc-provider asks for it. */
  readonly toAdapter: (model: string) => Adapter;
  /** Forgets what there is of this model under the grant, but for one. */
  destroyOfGrant(model: string, grantId: string, exceptId: string): void;
}

export function createStorage(now: () => Date): Storage {
  const stored = new Map<string, Stored>();

  const find = (key: string): AdapterPayload | undefined => {
    const entry = stored.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAtMs > now().getTime()) return entry.payload;
    stored.delete(key);
    return undefined;
  };
  const findBy = (model: string, fits: (payload: AdapterPayload) => boolean) => {
    for (const key of stored.keys()) {
      const payload = key.startsWith(`${model}:`) ? find(key) : undefined;
      if (payload !== undefined && fits(payload)) return payload;
    }
    return undefined;
  };

  const toAdapter = (model: string): Adapter => ({
    async upsert(id, payload, expiresIn) {
      const lifeMs = expiresIn === undefined ? Number.POSITIVE_INFINITY : expiresIn * 1000;
      stored.set(`${model}:${id}`, { payload, expiresAtMs: now().getTime() + lifeMs });
    },
    find: async (id) => find(`${model}:${id}`),
    findByUserCode: async (code) => findBy(model, ({ userCode }) => userCode === code),
    findByUid: async (uid) => findBy(model, (payload) => payload.uid === uid),
    async consume(id) {
      const payload = find(`${model}:${id}`);
      if (payload !== undefined) payload.consumed = Math.floor(now().getTime() / 1000);
    },
    async destroy(id) {
      stored.delete(`${model}:${id}`);
    },
    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of stored) {
        if (payload.grantId === grantId) stored.delete(key);
      }
    },
  });

  return {
    toAdapter,
    destroyOfGrant(model, grantId, exceptId) {
      for (const [key, { payload }] of stored) {
        const isOther = key.startsWith(`${model}:`) && key !== `${model}:${exceptId}`;
        if (isOther && payload.grantId === grantId) stored.delete(key);
      }
    },
  };
}
