// Colours for drawings, from the editor's theme. SVG and CSS use `var(--vscode-…)` directly; a canvas needs
// the values, and again when the theme changes.

/** Hues that can be told apart in every theme. Always give a word or a pattern with them. */
export const HUES = ['blue', 'green', 'orange', 'purple', 'red', 'yellow'] as const;
export type Hue = (typeof HUES)[number];

/** For `fill` and `stroke` in SVG and CSS. */
export const hue = (name: Hue): string => `var(--vscode-charts-${name})`;

/** The value of a theme colour, as a canvas takes it: `themeColor('charts-blue')`. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--vscode-${name}`).trim();
}

/** High contrast themes want outlines where others have fills. */
export const isHighContrast = (): boolean =>
  document.body.classList.contains('vscode-high-contrast') ||
  document.body.classList.contains('vscode-high-contrast-light');

export const prefersReducedMotion = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Calls back when the user chooses another theme; returns how to stop that. */
export function onThemeChange(changed: () => void): () => void {
  // The editor writes the kind of theme into the class of the body and colours into the root's style.
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}

/** A canvas as sharp as the screen: sets its size in device pixels and scales to CSS pixels. */
export function sharpContext(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | undefined {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d') ?? undefined;
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
