// What every panel is made of. A panel is a folder in media/ with a file of the same name, a row in
// `extension/panels/panels.ts`, and its texts; the build, the command, the manifest and the tests follow.
//
//   // media/ports/ports.ts
//   import type { Inspections } from '../../debug-adapter/protocol.ts';
//   import { Panel, definePanel, html, nothing, t, type Column, type Query } from '../panel/panel.ts';
//
//   type View = Inspections['event-channels']['view'];
//
//   class PortsPanel extends Panel<{ ports: View }> {
//     static override picks = 'domain' as const;          // shows the domain picker: `this.domain`
//     static override filters = true;                     // shows the filter box: `this.filter`
//
//     // Asked when the panel is shown, when arguments differ, and when the machine changed.
//     protected override queries(): { ports: Query } {
//       return { ports: { request: 'xen/event-channels', arguments: { domain: this.domain } } };
//     }
//
//     // Called once the first query is answered.
//     protected override body(): unknown {
//       const view = this.view('ports');
//       if (!view) return nothing;
//       return html`<xs-table label=${t('Ports')} keep="ports" .rows=${view.ports} .columns=${COLUMNS}
//         .rowKey=${keyOf} .previous=${this.previous('ports')?.ports} .filter=${this.filter}
//         emptyText=${t('The domain has no event channels yet.')}
//         @xs-menu=${this.onMenu}></xs-table>`;
//     }
//   }
//   definePanel('xs-ports', PortsPanel);
//
// Look at it with `node test/media/panels/look.ts ports --theme dark`, which shows it with canned answers and
// leaves a picture; test it with `openPanel` of `test/media/panels/harness.ts`.
//
// - Texts are `t('literal with {0}', …)`; `node test/tools/l10n.ts --write` collects them.
// - Styles are `static override styles = [Panel.styles, css`…`]` with `--vscode-*` colours only; a style
//   attribute is refused by the content security policy: `.style=${styled({ width: '10px' })}`.
// - Fields that are to be drawn when they change: `this.keep({ … })` (survives hiding and reloading), or a plain
//   field and `this.requestUpdate()`. lit's reactive properties need `declare` and a value in the constructor.
// - Elements: <xs-table> (table.ts), <xs-address>, <xs-chip>, <xs-details> (widgets.ts), <xs-drawing>
//   (drawing.ts: a drawing with its twin table), <xs-split> (split.ts); icons by `icon('warning')`; buttons
//   are `<button>` (classes `primary`, `secondary`, `link`), and `choices` (choices.ts) where one of them is
//   pressed; `Memo` (memo.ts) keeps rows that a panel makes itself. Others of vscode-elements are imported one by one:
//   `import '@vscode-elements/elements/dist/vscode-tabs/index.js'`.
// - Colour never says anything alone: a word or a shape stands beside it.

import { LitElement, type PropertyDeclarations, type TemplateResult, html, nothing } from 'lit';
import type { Action } from '../../debug-adapter/protocol.ts';
import type {
  Answer,
  Confirmation,
  Link,
  PanelArguments,
  PinnedTo,
  SessionState,
  TextInput,
} from '../messages.ts';
import { MESSAGES_VERSION } from '../messages.ts';
import './drawing.ts';
import { type Told, host } from './host.ts';
import { icon } from './icons.ts';
import { t } from './l10n.ts';
import { type MenuItem, showMenu } from './menu.ts';
import { confusionNotice, failureNotice, notice, nothingToDebug } from './notices.ts';
import { panelStyles } from './panel-styles.ts';
import { Queries, type Query } from './queries.ts';
import './split.ts';
import { changeMarks, shared } from './styles.ts';
import './table.ts';
import { phaseChip, phaseText, pickers, valueOf } from './tool-bar.ts';
import './widgets.ts';

export { css, html, nothing, svg, type TemplateResult } from 'lit';
export type { Link } from '../messages.ts';
export { host } from './host.ts';
export { icon } from './icons.ts';
export { t } from './l10n.ts';
export type { MenuItem } from './menu.ts';
export type { Query } from './queries.ts';
export type { Column, RowEvent, SortOrder, XsTable } from './table.ts';
export { styled } from './style-directive.ts';
export { secondsOf } from './tool-bar.ts';
export type { Detail } from './widgets.ts';

/** What all panels keep. */
interface Common {
  readonly pin?: PinnedTo;
  readonly filter: string;
}

const NO_SESSION: SessionState = { phase: 'none', domains: [], generation: 0 };

export abstract class Panel<Views extends object, Kept extends object = object> extends LitElement {
  /** What the user chooses: nothing, a domain, or a vCPU of a domain. By default the panel follows the focus. */
  static picks: 'nothing' | 'domain' | 'vcpu' = 'nothing';
  /** Whether there is a filter box. */
  static filters = false;

  private connected = false;
  private session: SessionState = NO_SESSION;
  private common: Common = { filter: '', ...host.kept<Common>('common') };
  private keptParts = host.kept<Kept>('panel');
  private notice = '';
  private spoken = '';
  /** Why the panel could not show what it was answered. */
  private confusion = '';
  /** What there was to show then. */
  private confusing: readonly Answer[] = [];
  private readonly errors = new WeakSet<Error>();
  private lastWanted: Readonly<Record<string, Query | undefined>> = {};
  private readonly views = new Queries({
    wanted: () => (this.isLive && this.knowsDomain ? this.wanted() : {}),
    ask: (request, args) => this.inspected(request, args),
    soon: (pump) => requestAnimationFrame(pump),
    changed: () => this.answered(),
  });

  // ---------------------------------------------------------------------------- what a panel declares

  /** The views it shows, the most important first. Called often; may look at views that are there. */
  protected abstract queries(): { readonly [Key in keyof Views]?: Query | undefined };

  /** Draws the views. Called once the first query is answered. */
  protected abstract body(): unknown;

  /** More for the tool bar: buttons and choices. */
  protected toolbar(): unknown {
    return nothing;
  }

  /** The panel was opened by a link that says what to show, beside `domain` and `vcpu`, which are seen to. */
  protected show(_args: PanelArguments): void {}

  // -------------------------------------------------------------------------------- what a panel has

  protected view<Key extends keyof Views & string>(key: Key): Views[Key] | undefined {
    return this.views.answer(key)?.view as Views[Key] | undefined;
  }

  /** The view at the stop before (while the machine runs: at the last stop), to mark what changed. */
  protected previous<Key extends keyof Views & string>(key: Key): Views[Key] | undefined {
    return this.views.before(key)?.view as Views[Key] | undefined;
  }

  /** When a view was made. */
  protected answer<Key extends keyof Views & string>(key: Key): Answer<Views[Key]> | undefined {
    return this.views.answer(key) as Answer<Views[Key]> | undefined;
  }

  /** The adapter's sentence, when a query failed. */
  protected failure(key: keyof Views & string): string | undefined {
    return this.views.error(key);
  }

  /** The domain that is looked at: pinned, focused, or the first guest. -1 is a bare machine. */
  protected get domain(): number {
    const { domains, focus } = this.session;
    const pinned = this.common.pin?.domain;
    if (pinned !== undefined) return pinned;
    if (focus && domains.some(({ domain }) => domain === focus.domain)) return focus.domain;
    return this.firstDomain;
  }

  /** A session that has just begun tells a moment later which domains there are. */
  private get knowsDomain(): boolean {
    const { picks } = this.constructor as typeof Panel;
    return picks === 'nothing' || this.session.domains.length > 0 || this.common.pin !== undefined;
  }

  /** The first that executes: the toolstack's domain 0 has no vCPU, and little to look at. */
  private get firstDomain(): number {
    const { domains } = this.session;
    return (domains.find(({ vcpus }) => vcpus > 0) ?? domains[0])?.domain ?? 0;
  }

  protected get vcpu(): number {
    const { pin } = this.common;
    if (pin?.vcpu !== undefined) return pin.vcpu;
    const { focus } = this.session;
    return focus?.domain === this.domain ? focus.vcpu : 0;
  }

  /** `d1 hello`. */
  protected domainName(domain: number): string {
    const name = this.session.domains.find((row) => row.domain === domain)?.name;
    const id = domain < 0 ? t('bare machine') : `d${domain}`;
    return name === undefined ? id : `${id} ${name}`;
  }

  protected get sessionState(): SessionState {
    return this.session;
  }

  /** There is a machine that can be asked and changed. */
  protected get isLive(): boolean {
    return this.session.phase === 'running' || this.session.phase === 'stopped';
  }

  protected get filter(): string {
    return this.common.filter;
  }

  protected set filter(filter: string) {
    this.setCommon({ ...this.common, filter });
  }

  /** What this panel keeps while it is hidden and when the window reloads. */
  protected get kept(): Partial<Kept> {
    return this.keptParts;
  }

  protected keep(parts: Partial<Kept>): void {
    this.keptParts = { ...this.keptParts, ...parts };
    host.keep('panel', this.keptParts);
    this.changed();
  }

  /** Draws again, and asks what is wanted now. */
  protected changed(): void {
    this.requestUpdate();
    this.views.schedule();
  }

  /** Asks once, for something that is not shown all the time. Throws the adapter's sentence. */
  protected async ask<View>(request: string, args: PanelArguments = {}): Promise<View> {
    return (await this.inspected(request, args)).view as View;
  }

  /** Changes the machine through the hypervisor. True when it was done; a failure is told above the panel. */
  protected act(action: Action, confirm?: Confirmation): Promise<boolean> {
    return this.change('xen/act', { action }, confirm);
  }

  /** The same by another request that the panel's row allows as an action. */
  protected async change(request: string, args: PanelArguments, confirm?: Confirmation): Promise<boolean> {
    try {
      const done = await host.act(request, args, confirm);
      this.tell('');
      return done !== undefined;
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** A line of text from the user; undefined when they gave none. */
  protected input(input: TextInput): Promise<string | undefined> {
    return host.input(input);
  }

  /** Shows a sentence above the panel until it is dismissed. */
  protected tell(sentence: string): void {
    this.notice = sentence;
    this.requestUpdate();
  }

  /** Says a sentence to screen readers. */
  protected announce(sentence: string): void {
    this.spoken = sentence;
    this.requestUpdate();
  }

  protected open(link: Link): void {
    host.open(link);
  }

  protected menu(event: { readonly x: number; readonly y: number }, items: readonly MenuItem[]): void {
    showMenu(event.x, event.y, items);
  }

  // ------------------------------------------------------------------------------------- what it does

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.connected) return;
    this.connected = true;
    host.connect((message) => this.told(message));
    window.addEventListener('keydown', (event) => this.onKeyDown(event));
    // Elements draw by themselves, after the panel.
    window.addEventListener('unhandledrejection', (event) => this.confused(event.reason, event));
    window.addEventListener('error', (event) => this.confused(event.error ?? event.message, event));
  }

  private async inspected(request: string, args: PanelArguments): Promise<Answer> {
    const answer = await host.query(request, args);
    if (typeof answer.view === 'object' && answer.view !== null) return answer;
    throw new Error(t('{0} was answered with something that is no view.', request));
  }

  private wanted(): Readonly<Record<string, Query | undefined>> {
    // What depends on a view that makes no sense stays as it was until there is another.
    this.lastWanted = this.attempt(() => this.queries() as typeof this.lastWanted, this.lastWanted);
    return this.lastWanted;
  }

  /** What the panel makes of its views; they may be from another version, and lack what it takes for granted. */
  private attempt<Made>(make: () => Made, instead: Made): Made {
    try {
      return make();
    } catch (error) {
      this.confused(error);
      return instead;
    }
  }

  private confused(error: unknown, event?: Event): void {
    const reason = error instanceof Error ? error.message : String(error);
    // A notice of the browser's own, without consequences.
    if (reason.startsWith('ResizeObserver loop')) return;
    event?.preventDefault();
    // An element that failed rejects with the same error once more when it is next drawn.
    const isKnown = error instanceof Error && this.errors.has(error);
    if (error instanceof Error) this.errors.add(error);
    if (isKnown || this.confusion === reason) return;
    this.confusion = reason;
    this.confusing = this.views.answers();
    this.requestUpdate();
  }

  private answered(): void {
    const answers = this.views.answers();
    if (!this.confusing.some((answer) => answers.includes(answer))) this.confusion = '';
    this.requestUpdate();
  }

  private told(message: Told): void {
    switch (message.type) {
      case 'init':
        if (message.version !== MESSAGES_VERSION)
          this.tell(t('The extension was updated: reload the window.'));
        this.follow(message.session);
        if (message.arguments) this.showArguments(message.arguments);
        break;
      case 'session':
        this.follow(message.session);
        break;
      case 'changed':
        this.views.outdate(message.areas);
        break;
      case 'show':
        this.showArguments(message.arguments);
        break;
    }
    this.changed();
  }

  /** A link to another domain or vCPU than the one shown pins the panel to it. */
  private showArguments(args: PanelArguments): void {
    const { picks } = this.constructor as typeof Panel;
    const { domain, vcpu } = args;
    if (picks !== 'nothing' && typeof domain === 'number') {
      const pinsVcpu = picks === 'vcpu' && typeof vcpu === 'number';
      if (domain !== this.domain || (pinsVcpu && vcpu !== this.vcpu)) {
        this.setPin(pinsVcpu ? { domain, vcpu } : { domain });
      }
    }
    this.show(args);
  }

  private follow(session: SessionState): void {
    const { id, phase } = this.session;
    this.session = session;
    if (session.id !== id) this.views.reset();
    // There was no machine to ask yet. From here on `changed` says what is to be asked again.
    else if (phase === 'none') this.views.outdateAll();
    if (session.phase !== phase) this.announce(this.phaseText());
  }

  private onKeyDown(event: KeyboardEvent): void {
    const box = this.renderRoot.querySelector<HTMLInputElement>('#filter');
    if (!box) return;
    const typing = event.composedPath()[0] instanceof HTMLInputElement;
    const find = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f';
    if (find || (event.key === '/' && !typing)) {
      box.select();
      event.preventDefault();
    } else if (event.key === 'Escape' && event.composedPath()[0] === box && box.value !== '') {
      this.filter = '';
      event.preventDefault();
    }
  }

  private setCommon(common: Common): void {
    this.common = common;
    host.keep('common', common);
    this.changed();
  }

  protected setPin(pin: PinnedTo | undefined): void {
    const { filter } = this.common;
    this.setCommon({ filter, ...(pin && { pin }) });
    host.pin(pin);
  }

  protected override render(): TemplateResult {
    const content = this.attempt(() => this.content(), nothing);
    return html`
      <header role="toolbar" aria-label=${t('Panel')}>
        ${phaseChip(this.session.phase, this.phaseText())} ${this.pickers()} ${this.attempt(() => this.toolbar(), nothing)}
        <span class="space"></span>
        ${this.filterBox()}
        <button title=${t('Open one more panel of this kind')} aria-label=${t('Open one more panel of this kind')} @click=${this.openAnother}>
          ${icon('split-horizontal')}
        </button>
      </header>
      ${this.notice ? notice(this.notice, () => this.tell('')) : nothing}
      ${this.confusion ? confusionNotice(this.confusion, () => this.tryAgain()) : nothing}
      <main>${content}</main>
      <div class="spoken" role="status">${this.spoken}</div>
    `;
  }

  private tryAgain(): void {
    this.confusion = '';
    this.views.outdateAll();
    this.requestUpdate();
  }

  private content(): unknown {
    const [key] = Object.keys(this.wanted());
    const answer = key === undefined ? undefined : this.views.answer(key);
    const error = key === undefined ? undefined : this.views.error(key);
    if (this.session.phase === 'none' || (this.session.phase === 'ended' && !answer)) return nothingToDebug();
    if (error !== undefined && this.isLive) return failureNotice(error, () => this.tryAgain());
    if (key !== undefined && !answer) return html`<p class="quiet pad">${t('Asking the machine …')}</p>`;
    return this.body();
  }

  private phaseText(): string {
    const [key] = Object.keys(this.wanted());
    const time = key === undefined ? undefined : this.views.answer(key)?.virtualNanoseconds;
    return phaseText(this.session.phase, time);
  }

  private pickers(): unknown {
    const { picks } = this.constructor as typeof Panel;
    const { domains, focus } = this.session;
    if (picks === 'nothing' || domains.length === 0) return nothing;
    const { domain, vcpu } = this;
    return pickers({
      domains,
      focused: focus?.domain ?? this.firstDomain,
      pin: this.common.pin,
      shown: picks === 'vcpu' ? { domain, vcpu } : { domain },
      nameOf: (one) => this.domainName(one),
      setPin: (pin) => this.setPin(pin),
    });
  }

  private filterBox(): unknown {
    if (!(this.constructor as typeof Panel).filters) return nothing;
    return html`<input
      id="filter"
      type="search"
      placeholder=${t('Filter (/)')}
      aria-label=${t('Filter')}
      aria-keyshortcuts="/ Control+F"
      .value=${this.filter}
      @input=${(event: Event) => (this.filter = valueOf(event))}
    />`;
  }

  private openAnother(): void {
    const panel = document.body.dataset['panel'] ?? '';
    host.open({ kind: 'panel', panel, another: true });
  }

  static override properties: PropertyDeclarations = {};

  static override styles: import('lit').CSSResultGroup = [shared, changeMarks, panelStyles];
}

/** Makes the panel the page's content. */
export function definePanel(tag: string, panel: CustomElementConstructor): void {
  customElements.define(tag, panel);
  document.body.append(document.createElement(tag));
}
