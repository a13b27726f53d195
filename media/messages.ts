// What a panel (a webview) and the extension say to each other: plain data. A panel never reaches the debug
// session by itself: it asks for requests by name, and the extension passes on those that the panel's row in
// `extension/panels/panels.ts` allows.

import type { Inspected } from '../debug-adapter/protocol.ts';

/** What a query answers: a view, and of when. Requests that are no inspections answer without a `view`. */
export type Answer<View = unknown> = Inspected<View>;

/** Both sides come from one build; a webview restored from an older one is told to reload. */
export const MESSAGES_VERSION = 1;

export interface VcpuId {
  /** -1 on a bare machine. */
  readonly domain: number;
  readonly vcpu: number;
}

export interface SessionDomain {
  readonly domain: number;
  readonly name: string;
  readonly vcpus: number;
}

/** The debug session that a panel looks at. */
export interface SessionState {
  /** `ended`: what was seen last stays to be read. */
  readonly phase: 'none' | 'running' | 'stopped' | 'ended';
  /** Tells one session from the next. */
  readonly id?: string;
  readonly name?: string;
  readonly domains: readonly SessionDomain[];
  /** What the Call Stack view has selected. */
  readonly focus?: VcpuId;
  /** Counts stops. */
  readonly generation: number;
}

/** What a panel keeps while it is hidden and when the window reloads. */
export interface PinnedTo {
  readonly domain: number;
  readonly vcpu?: number;
}

export type PanelArguments = Readonly<Record<string, unknown>>;

/** Something that opens elsewhere in the editor. */
export type Link =
  /** Memory as a hex dump; the reference says in which address space (`d1/ipa:0x40000000`). */
  | { readonly kind: 'memory'; readonly reference: string }
  /** The source line of an instruction, or its disassembly where there is no source. */
  | { readonly kind: 'source'; readonly reference: string }
  | { readonly kind: 'disassembly'; readonly reference: string }
  /** Another panel, with what it is to show. `another`: one more, even if such a panel is open. */
  | {
      readonly kind: 'panel';
      readonly panel: string;
      readonly arguments?: PanelArguments;
      readonly another?: boolean;
    };

export interface Confirmation {
  readonly message: string;
  readonly detail?: string;
  /** What the button that goes on says. */
  readonly button: string;
}

/** Asks the user for a line of text. */
export interface TextInput {
  readonly title: string;
  /** What is to be given, and in which form. */
  readonly prompt?: string;
  /** What stands there to begin with. */
  readonly value?: string;
}

export type ToView =
  | {
      readonly type: 'init';
      readonly version: number;
      readonly panel: string;
      readonly session: SessionState;
      /** What the panel was opened to show. */
      readonly arguments?: PanelArguments;
    }
  | { readonly type: 'session'; readonly session: SessionState }
  /** What the machine changed since it was last asked. */
  | {
      readonly type: 'changed';
      readonly areas: readonly string[];
      readonly generation: number;
      readonly running: boolean;
    }
  /** The panel is open already and is to show something else. */
  | { readonly type: 'show'; readonly arguments: PanelArguments }
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly error: string };

export type ToHost =
  | { readonly type: 'ready'; readonly version: number }
  | {
      readonly type: 'query';
      readonly id: number;
      readonly request: string;
      readonly arguments: PanelArguments;
    }
  /** Changes the machine. With a confirmation the user is asked first; `result: false` when they decline. */
  | {
      readonly type: 'action';
      readonly id: number;
      readonly request: string;
      readonly arguments: PanelArguments;
      readonly confirm?: Confirmation;
    }
  /** Answered with the text, or with null when the user gave none. */
  | { readonly type: 'input'; readonly id: number; readonly input: TextInput }
  | { readonly type: 'open'; readonly link: Link }
  | { readonly type: 'command'; readonly command: PanelCommand }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'export'; readonly name: string; readonly text: string }
  | { readonly type: 'pin'; readonly pin: PinnedTo | null };

/** Commands that empty states offer. */
export const PANEL_COMMANDS = ['xenscope.debugBundledGuest', 'workbench.action.debug.start'] as const;
export type PanelCommand = (typeof PANEL_COMMANDS)[number];
