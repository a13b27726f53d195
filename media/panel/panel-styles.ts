// Styles of every panel: the tool bar above, the views below, and what is said between them.

import { css } from 'lit';

export const panelStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100vh;
    background: var(--vscode-editor-background);
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
    padding: 4px 8px;
    border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
  }
  .space {
    flex: 1;
  }
  #filter {
    width: 16em;
    max-width: 40vw;
  }
  main {
    flex: 1;
    min-height: 0;
    overflow: auto;
    display: flex;
    flex-direction: column;
  }
  main > * {
    flex: none;
  }
  main > xs-table,
  main > xs-split,
  main > .fill {
    flex: 1;
    min-height: 0;
  }
  .notice {
    display: flex;
    align-items: center;
    gap: 6px;
    padding: 4px 8px;
    border-bottom: 1px solid var(--vscode-inputValidation-errorBorder, currentcolor);
  }
  .notice .icon {
    color: var(--vscode-errorForeground);
  }
  .notice span:not(.icon) {
    flex: 1;
  }
  .pad,
  .empty {
    padding: 12px;
  }
  .empty {
    text-align: center;
    margin-top: 10vh;
  }
`;
