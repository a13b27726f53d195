// Styles that all elements of panels share: colours and fonts of the editor's theme, nothing else. High
// contrast themes draw borders where others use backgrounds (`--vscode-contrastBorder` is unset elsewhere).

import { css } from 'lit';

export const shared = css`
  :host {
    color: var(--vscode-foreground);
    font-family: var(--vscode-font-family);
    font-size: var(--vscode-font-size, 13px);
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  * {
    box-sizing: border-box;
  }
  .icon {
    font:
      normal 16px/1 codicon;
    display: inline-block;
    text-align: center;
    vertical-align: text-bottom;
    -webkit-font-smoothing: antialiased;
    user-select: none;
  }
  .mono {
    font-family: var(--vscode-editor-font-family, monospace);
    font-size: var(--vscode-editor-font-size, 13px);
  }
  .quiet {
    color: var(--vscode-descriptionForeground);
  }
  .error {
    color: var(--vscode-errorForeground);
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: 1px solid transparent;
    border-radius: 3px;
    padding: 2px 4px;
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover:not(:disabled) {
    background: var(--vscode-toolbar-hoverBackground);
    outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  button[aria-pressed='true'] {
    background: var(--vscode-inputOption-activeBackground);
    color: var(--vscode-inputOption-activeForeground, inherit);
    border-color: var(--vscode-inputOption-activeBorder, transparent);
  }
  button.primary,
  button.secondary {
    padding: 4px 12px;
    border-color: var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
  }
  button.primary {
    color: var(--vscode-button-foreground);
    background: var(--vscode-button-background);
  }
  button.primary:hover:not(:disabled) {
    background: var(--vscode-button-hoverBackground);
  }
  button.secondary {
    color: var(--vscode-button-secondaryForeground);
    background: var(--vscode-button-secondaryBackground);
  }
  button.secondary:hover:not(:disabled) {
    background: var(--vscode-button-secondaryHoverBackground);
  }
  button.link {
    color: var(--vscode-textLink-foreground);
    padding: 0;
    border: none;
    text-align: inherit;
    white-space: inherit;
  }
  button.link:hover:not(:disabled) {
    color: var(--vscode-textLink-activeForeground);
    text-decoration: underline;
    background: none;
    outline: none;
  }
  select,
  input[type='text'],
  input[type='search'],
  textarea {
    font: inherit;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, transparent));
    border-radius: 2px;
    padding: 2px 4px;
    min-width: 0;
  }
  select {
    color: var(--vscode-dropdown-foreground);
    background: var(--vscode-dropdown-background);
    border-color: var(--vscode-dropdown-border, var(--vscode-contrastBorder, transparent));
  }
  ::placeholder {
    color: var(--vscode-input-placeholderForeground);
    opacity: 1;
  }
  h2 {
    font-size: 1em;
    font-weight: 600;
    margin: 0;
  }
  .spoken {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

/** Cells whose value changed since the last stop (`changed`), and for a moment when it changes (`flash`). */
export const changeMarks = css`
  .changed {
    /* No background: text has to stay readable in every theme. */
    box-shadow: inset 3px 0 0 var(--vscode-editorGutter-modifiedBackground, currentcolor);
    font-weight: 600;
    outline: 1px dotted var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  @media (prefers-reduced-motion: no-preference) {
    .flash {
      animation: flash 0.9s ease-out;
    }
    .flash-again {
      animation: flash-again 0.9s ease-out;
    }
  }
  @keyframes flash {
    from {
      background: var(--vscode-editor-findMatchHighlightBackground);
    }
  }
  @keyframes flash-again {
    from {
      background: var(--vscode-editor-findMatchHighlightBackground);
    }
  }
`;
