// The page of a panel: one script, one style sheet (the icon font), and a policy that allows nothing else. It
// knows no editor, so that tests show panels on the same page.

export interface Page {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  readonly nonce: string;
  /** Where scripts and fonts may come from, in the words of a content security policy. */
  readonly source: string;
  readonly script: string;
  readonly icons: string;
  /** Texts of the interface in the user's language, by the English ones. */
  readonly texts: Readonly<Record<string, string>>;
}

export function panelPage({ id, title, language, nonce, source, script, icons, texts }: Page): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}' ${source}`,
    `font-src ${source}`,
    'img-src data:',
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${attribute(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${attribute(title)}</title>
<link id="vscode-codicon-stylesheet" rel="stylesheet" href="${attribute(icons)}" nonce="${nonce}">
<style nonce="${nonce}">body { margin: 0; padding: 0; }</style>
</head>
<body data-panel="${attribute(id)}">
<script type="application/json" id="texts" nonce="${nonce}">${JSON.stringify(texts).replaceAll('<', '\\u003c')}</script>
<script type="module" nonce="${nonce}" src="${attribute(script)}"></script>
</body>
</html>
`;
}

const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
