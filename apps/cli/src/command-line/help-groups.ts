// The headings that `ondemand --help` lists commands under, in this order.

export const commandGroups = ['VM', 'CONTAINER', 'HISTORY', 'ACCESS', 'CLI'] as const;

export type CommandGroup = (typeof commandGroups)[number];
