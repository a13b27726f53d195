// Texts of the interface. The page has them in the user's language; what it does not know stays English.
// `node test/tools/l10n.ts --write` collects the texts.

const texts = JSON.parse(document.getElementById('texts')?.textContent ?? '{}') as Readonly<
  Record<string, string>
>;

/** A text in the user's language; `{0}`, `{1}` … stand for the arguments. Give it a literal. */
export function t(text: string, ...args: readonly (string | number)[]): string {
  return (texts[text] ?? text).replaceAll(/\{(\d+)\}/g, (place, index: string) =>
    String(args[Number(index)] ?? place),
  );
}
