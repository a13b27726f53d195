// What the manifest says of panels, derived from their table: `node test/tools/contributes.ts --write` puts it
// into package.json and package.nls.json.

import { PANELS, commandOf, viewTypeOf } from './panels/panels.ts';

/** Commands, menus and texts whose names begin so are rendered. */
export const RENDERED_COMMANDS = 'xenscope.panel.';
export const PANELS_MENU = 'xenscope.panels';

interface MenuItem {
  readonly command?: string;
  readonly submenu?: string;
  readonly when?: string;
  readonly group?: string;
}

export interface Contributions {
  readonly activationEvents: readonly string[];
  readonly commands: readonly { command: string; category: string; title: string; icon: string }[];
  readonly submenus: readonly { id: string; label: string; icon: string }[];
  readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
  /** By key of package.nls.json, in English. */
  readonly texts: Readonly<Record<string, string>>;
}

export function panelContributions(): Contributions {
  const commands = PANELS.map((row) => ({
    command: commandOf(row),
    category: 'Xenscope',
    title: `%${textOf(row.id)}%`,
    icon: `$(${row.icon})`,
  }));
  const inOrder = PANELS.map((row, i) => ({ command: commandOf(row), group: `panels@${i + 1}` }));
  const submenu = { submenu: PANELS_MENU };
  return {
    // A panel that was open when the window was reloaded.
    activationEvents: PANELS.map((row) => `onWebviewPanel:${viewTypeOf(row)}`),
    commands,
    submenus: [{ id: PANELS_MENU, label: '%command.panels%', icon: '$(open-preview)' }],
    menus: {
      [PANELS_MENU]: inOrder,
      'debug/toolBar': [{ ...submenu, when: "debugType == 'xen'", group: 'navigation@90' }],
      'view/title': [{ ...submenu, when: 'view == xenscope.domains', group: 'navigation@90' }],
    },
    texts: {
      'command.panels': 'Panels',
      ...Object.fromEntries(PANELS.map(({ id, title }) => [textOf(id), `Show ${title}`])),
    },
  };
}

/** `command.panel.xenstore` in package.nls.json. */
const textOf = (id: string): string => `command.panel.${id}`;
