// Every action that OCI accepted was meant for the version of the instance that it found: so never are two of one version accepted.

import type { Sandbox } from '@ondemand/sandbox';

export interface AcceptedActions extends Disposable {
  violations(): readonly string[];
}

export function watchActions({ oci, world }: Sandbox): AcceptedActions {
  const stateOf = new Map([[world.instance.etag, world.instance.lifecycleState]]);
  const forget = world.onLifecycle(() => {
    stateOf.set(world.instance.etag, world.instance.lifecycleState);
  });
  return {
    violations() {
      const accepted = oci.requests.filter(
        ({ operation, status }) => operation === 'InstanceAction' && status === 200,
      );
      // An attempt that is repeated has its token again.
      const once = new Map(accepted.map((request) => [request.retryToken, request]));
      const versions = [...once.values()].map(({ ifMatch }) => ifMatch);
      return [...once.values()].flatMap(({ action, ifMatch = '' }) => {
        const state = stateOf.get(ifMatch);
        const fits = state === (action === 'START' ? 'STOPPED' : 'RUNNING');
        const isOnly = versions.filter((each) => each === ifMatch).length === 1;
        return fits && isOnly ? [] : [`${action} accepted for ${state ?? 'no version'}`];
      });
    },
    [Symbol.dispose]: forget,
  };
}
