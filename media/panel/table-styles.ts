import { css } from 'lit';

export const tableStyles = css`
  :host {
    display: block;
    min-height: 0;
    height: 100%;
  }
  .scroller {
    height: 100%;
    overflow: auto;
    position: relative;
  }
  .row {
    display: grid;
    grid-template-columns: var(--columns);
    height: 22px;
    line-height: 22px;
    width: max(100%, var(--total));
  }
  .body {
    position: relative;
    width: max(100%, var(--total));
  }
  .body .row {
    position: absolute;
    top: 0;
    left: 0;
  }
  .head {
    position: sticky;
    top: 0;
    z-index: 1;
    height: 24px;
    line-height: 24px;
    background: var(--vscode-editor-background);
    border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, currentcolor));
  }
  .head .cell > * {
    font-weight: 600;
  }
  .head button {
    padding: 0;
    border: none;
    line-height: 22px;
  }
  .cell {
    padding: 0 6px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .body .cell:first-child {
    padding-left: calc(6px + var(--level, 0) * 12px);
  }
  .end {
    text-align: end;
  }
  .body .row:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .body .row.active {
    background: var(--vscode-list-inactiveSelectionBackground);
    color: var(--vscode-list-inactiveSelectionForeground, inherit);
    outline: 1px dotted var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  .scroller:focus .row.active {
    background: var(--vscode-list-activeSelectionBackground);
    color: var(--vscode-list-activeSelectionForeground);
    outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-focusBorder));
  }
  .row.active .quiet {
    color: inherit;
  }
  .current {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -2px;
  }
  .row.warning .cell:first-child {
    box-shadow: inset 3px 0 0 var(--vscode-editorWarning-foreground);
  }
  .row.error .cell:first-child {
    box-shadow: inset 3px 0 0 var(--vscode-editorError-foreground);
  }
  .row.quiet:not(.active) {
    color: var(--vscode-descriptionForeground);
  }
  .twistie {
    display: inline-block;
    width: 16px;
    cursor: pointer;
  }
  .nothing {
    padding: 12px;
    color: var(--vscode-descriptionForeground);
  }
`;
