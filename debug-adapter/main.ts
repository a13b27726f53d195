// What the adapter offers to the extension, the command line and tests.

export { configurationAttributes, parseLaunchConfiguration } from './configuration.ts';
export type { LaunchConfiguration } from './configuration.ts';
export type { Host } from './host.ts';
export { prepareLaunch } from './launch.ts';
export { LocalMachineClient, PortMachineClient, serveMachine } from './machine-client.ts';
export type { MachineClient } from './machine-client.ts';
export { XenSession } from './session.ts';
