// The panels. A row, a folder of the same name in media/, and its texts make a panel: its command, its place in
// the manifest (`node test/tools/contributes.ts --write`), its bundle and its host follow from here. Plain data:
// the build and the tests read it as well.

export interface PanelRow {
  /** Folder in media/, and end of the names of its command and its kind of view. */
  readonly id: string;
  /** In English; what `vscode.l10n` translates. */
  readonly title: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** Requests that the panel may ask: the adapter's own, and those of the Debug Adapter Protocol by name. */
  readonly requests: readonly (`xen/${string}` | 'readMemory' | 'disassemble')[];
  /** Requests that change the machine. */
  readonly actions: readonly `xen/${string}`[];
  /** Areas that it shows, where they are not just its requests. */
  readonly areas?: readonly string[];
  /** Updates a second while the machine runs. */
  readonly rate?: number;
}

export const PANELS: readonly PanelRow[] = [
  {
    id: 'xenstore',
    title: 'xenstore',
    icon: 'list-tree',
    requests: ['xen/xenstore', 'xen/xenstoreHistory'],
    actions: ['xen/act'],
  },
  {
    id: 'registers',
    title: 'System Registers',
    icon: 'symbol-field',
    requests: ['xen/registers', 'xen/registerInfo', 'xen/symbols'],
    actions: ['xen/setRegister'],
    areas: ['registers'],
  },
  {
    id: 'interrupts',
    title: 'Interrupts',
    icon: 'pulse',
    requests: ['xen/gic', 'xen/gicTrace', 'xen/symbols'],
    actions: [],
    areas: ['gic', 'gicTrace'],
  },
  {
    id: 'rings',
    title: 'PV Rings',
    icon: 'sync',
    requests: ['xen/rings', 'xen/ringSlots', 'xen/ringHistory'],
    actions: [],
    rate: 4,
  },
  {
    id: 'memory',
    title: 'Memory Map',
    icon: 'layers',
    requests: ['xen/memoryMap', 'xen/physicalMap', 'xen/stage1Map', 'xen/walk', 'xen/search', 'xen/resolve'],
    actions: [],
    areas: ['memoryMap', 'physicalMap', 'stage1Map', 'walk'],
    rate: 2,
  },
  {
    id: 'event-channels',
    title: 'Event Channels and Grants',
    icon: 'plug',
    requests: ['xen/eventChannels', 'xen/grants', 'xen/symbols'],
    actions: ['xen/act'],
    areas: ['eventChannels', 'grants'],
  },
];

export const commandOf = ({ id }: PanelRow): string => `xenscope.panel.${id}`;
export const viewTypeOf = ({ id }: PanelRow): string => `xenscope.${id}`;

/** What to subscribe to: views by the names of their inspections. */
export const areasOf = ({ areas, requests }: PanelRow): readonly string[] =>
  areas ?? requests.filter((name) => name.startsWith('xen/')).map((name) => name.slice('xen/'.length));
