// The world in the words of Oracle's API.

import type { World } from '../instance-state.ts';

/** https://docs.oracle.com/iaas/api/#/en/iaas/20160918/Instance/ */
export function toInstance({ instance, region }: World): Record<string, unknown> {
  return {
    availabilityDomain: toAvailabilityDomain(region),
    compartmentId: instance.compartmentId,
    definedTags: {},
    displayName: instance.displayName,
    extendedMetadata: {},
    faultDomain: 'FAULT-DOMAIN-2',
    freeformTags: {},
    id: instance.id,
    launchMode: 'PARAVIRTUALIZED',
    lifecycleState: instance.lifecycleState,
    metadata: {},
    region,
    shape: 'VM.Standard.A1.Flex',
    shapeConfig: { ocpus: 4, memoryInGBs: 24 },
    timeCreated: instance.timeCreated,
  };
}

/** A detached attachment stands first: an instance keeps the memory of its former VNICs. */
export function toVnicAttachments({ instance, region }: World): readonly Record<string, unknown>[] {
  const shared = {
    availabilityDomain: toAvailabilityDomain(region),
    compartmentId: instance.compartmentId,
    instanceId: instance.id,
    timeCreated: instance.timeCreated,
  };
  const attachmentId = instance.vnicId.replace('ocid1.vnic.', 'ocid1.vnicattachment.');
  return [
    {
      ...shared,
      id: attachmentId.replace(/.{8}$/, 'aaaaaaaa'),
      lifecycleState: 'DETACHED',
      vnicId: instance.vnicId.replace(/.{8}$/, 'aaaaaaaa'),
    },
    {
      ...shared,
      id: attachmentId,
      lifecycleState: 'ATTACHED',
      nicIndex: 0,
      vlanTag: 1042,
      vnicId: instance.vnicId,
    },
  ];
}

/** `publicIp` is missing, not null, while there is none. */
export function toVnic({ instance, region, publicIp }: World): Record<string, unknown> {
  return {
    availabilityDomain: toAvailabilityDomain(region),
    compartmentId: instance.compartmentId,
    definedTags: {},
    displayName: instance.displayName,
    freeformTags: {},
    hostnameLabel: 'oci-flex',
    id: instance.vnicId,
    isPrimary: true,
    lifecycleState: 'AVAILABLE',
    macAddress: '02:00:17:01:0A:2B',
    nsgIds: [],
    privateIp: '10.0.0.14',
    ...(publicIp === undefined ? {} : { publicIp }),
    timeCreated: instance.timeCreated,
  };
}

/** The tenancy's own prefix and the region, as in `IfXe:EU-MARSEILLE-1-AD-1`. */
export function toAvailabilityDomain(region: string): string {
  return `IfXe:${region.toUpperCase()}-AD-1`;
}
