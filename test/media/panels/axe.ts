// The accessibility checker, run inside a page or a frame of it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Frame, Page } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Results {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary: string }[];
  }[];
}

/** Serious and critical findings, each with the element that it is about. */
export async function seriousFindings(where: Page | Frame): Promise<string[]> {
  // Colours in the middle of an animation are nobody's choice.
  await where.evaluate(async () => {
    const finite = document
      .getAnimations()
      .filter(({ effect }) => effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(finite.map(({ finished }) => finished));
  });
  await where.evaluate(readFileSync(AXE, 'utf8'));
  const { violations } = await where.evaluate((): Promise<Results> => {
    const { axe } = window as unknown as { axe: { run(root: Document): Promise<Results> } };
    return axe.run(document);
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) =>
      nodes.map(
        ({ target, failureSummary }) => `axe ${id}: ${help}: ${JSON.stringify(target)} ${failureSummary}`,
      ),
    );
}
