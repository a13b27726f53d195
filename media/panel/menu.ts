// A context menu: opens at a place, takes the arrow keys, closes on Escape or a click elsewhere, and gives the
// focus back to where it was.

import { LitElement, type PropertyDeclarations, type TemplateResult, css, html, nothing } from 'lit';
import { type IconName, icon } from './icons.ts';
import { shared } from './styles.ts';

export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  /** Undefined: the item is shown but cannot be chosen now; `hint` says why. */
  readonly run: (() => unknown) | undefined;
  readonly hint?: string;
}

export function showMenu(x: number, y: number, items: readonly MenuItem[]): void {
  const menu = document.createElement('xs-menu') as HTMLElement as XsMenu;
  menu.items = items;
  document.body.append(menu);
  menu.showAt(x, y);
}

class XsMenu extends LitElement {
  static override properties: PropertyDeclarations = { items: { attribute: false } };

  declare items: readonly MenuItem[];
  private opener: Element | null = null;

  constructor() {
    super();
    this.items = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // An automatic popover would close again when the mouse button that opened it comes up.
    this.popover = 'manual';
  }

  showAt(x: number, y: number): void {
    this.opener = deepActive();
    this.showPopover();
    window.addEventListener('pointerdown', this.elsewhere, true);
    window.addEventListener('blur', this.elsewhere);
    void this.updateComplete.then(() => {
      const { width, height } = this.getBoundingClientRect();
      this.style.left = `${Math.max(0, Math.min(x, innerWidth - width))}px`;
      this.style.top = `${Math.max(0, Math.min(y, innerHeight - height))}px`;
      this.buttons()[0]?.focus();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('pointerdown', this.elsewhere, true);
    window.removeEventListener('blur', this.elsewhere);
  }

  private readonly elsewhere = (event: Event): void => {
    if (!event.composedPath().includes(this)) this.remove();
  };

  protected override render(): TemplateResult {
    return html`<div role="menu" @keydown=${this.onKeyDown}>
      ${this.items.map(
        (item) => html`<button
          role="menuitem"
          tabindex="-1"
          ?disabled=${item.run === undefined}
          title=${item.hint ?? nothing}
          @click=${() => this.choose(item)}
        >
          ${item.icon ? icon(item.icon) : html`<span class="icon"></span>`} ${item.label}
        </button>`,
      )}
    </div>`;
  }

  private choose(item: MenuItem): void {
    this.close();
    item.run?.();
  }

  private close(): void {
    this.remove();
    if (this.opener instanceof HTMLElement) this.opener.focus();
  }

  private onKeyDown(event: KeyboardEvent): void {
    const buttons = this.buttons();
    const at = buttons.indexOf(this.shadowRoot?.activeElement as HTMLButtonElement);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) buttons[(at + step + buttons.length) % buttons.length]?.focus();
    else if (event.key === 'Home') buttons[0]?.focus();
    else if (event.key === 'End') buttons.at(-1)?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private buttons(): HTMLButtonElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
  }

  static override styles = [
    shared,
    css`
      :host {
        position: fixed;
        margin: 0;
        padding: 4px;
        color: var(--vscode-menu-foreground);
        background: var(--vscode-menu-background);
        border: 1px solid var(--vscode-menu-border, var(--vscode-contrastBorder, transparent));
        border-radius: 5px;
      }
      button {
        display: block;
        width: 100%;
        text-align: start;
        padding: 3px 12px 3px 4px;
      }
      button:focus {
        color: var(--vscode-menu-selectionForeground);
        background: var(--vscode-menu-selectionBackground);
        outline: 1px solid var(--vscode-menu-selectionBorder, transparent);
      }
    `,
  ];
}

function deepActive(): Element | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

customElements.define('xs-menu', XsMenu);
