// A translation as a chain of descriptors: each stage with why its tables are used, each entry with all of its
// fields, the walk of stage 2 for an entry folded inside, and the step at which it fails marked.

import type { Inspections } from '../../debug-adapter/protocol.ts';
import { css, html, icon, nothing, t, type TemplateResult } from '../panel/panel.ts';

export type WalkView = Inspections['walk']['view'];
type Stage = WalkView['stages'][number];
type Step = Stage['steps'][number];

/** Which parts are unfolded, by where they are in the chain. What is folded is not drawn. */
export interface Folds {
  /** Undefined: as it is at first. */
  isOpen(place: string): boolean | undefined;
  set(place: string, open: boolean): void;
}

/** `previous`: the same address at the last stop, to mark what changed. */
export function walkChain(view: WalkView, previous: WalkView | undefined, folds: Folds): TemplateResult {
  const same = previous?.address === view.address && previous.space === view.space ? previous : undefined;
  return html`<section class="walk" aria-label=${t('Translation of {0}', view.address)}>
    <p class=${`summary ${view.fault ? 'failed' : ''}`}>${icon(view.fault ? 'error' : 'pass')} ${view.summary}</p>
    ${view.fault ? faultBox(view.fault) : nothing}
    ${view.stage1Off ? html`<p>${icon('info')} ${view.stage1Off}</p>` : nothing}
    ${view.stages.map((stage) => {
      const before = same?.stages.find(({ title }) => title === stage.title);
      return stageBox(stage, before, folds);
    })}
    ${view.result ? resultBox(view.result) : nothing}
  </section>`;
}

function faultBox(fault: NonNullable<WalkView['fault']>): TemplateResult {
  return html`<div class="fault">
    <p>${fault.words}.</p>
    <p>
      ${fault.exception}; ${fault.statusField} <span class="mono">${fault.status}</span>, ESR
      <span class="mono">${fault.esr}</span>${fault.ipa === undefined ? '' : html`, ${t('faulting IPA {0}', fault.ipa)}`}.
    </p>
    ${fault.consequence ? html`<p>${fault.consequence}</p>` : nothing}
  </div>`;
}

function stageBox(stage: Stage, before: Stage | undefined, folds: Folds): TemplateResult {
  return html`<section class="stage">
    <h2>${stage.stage === 1 ? icon('layers') : icon('server')} ${stage.title}: <xs-address reference=${stage.inputReference}>${stage.input}</xs-address></h2>
    <ul class="choice">
      ${stage.choice.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>
    <ol class="chain">
      ${stage.steps.map((step, n) => stepBox(step, before?.steps[n], folds, `${stage.stage}.${n}`))}
      ${stage.steps.length === 0 && stage.failed ? html`<li class="step failed">${failure(stage.failed)}</li>` : nothing}
    </ol>
    ${
      stage.output === undefined
        ? nothing
        : html`<p class="output">
          ${icon('arrow-right')} ${stage.stage === 1 ? t('Output of stage 1:') : t('Output of stage 2:')}
          <xs-address reference=${stage.outputReference ?? ''}>${stage.output}</xs-address>
          <span class="mono">${stage.permissions}</span> ${stage.memory}
        </p>`
    }
  </section>`;
}

const failure = (text: string): TemplateResult =>
  html`<p class="why">${icon('error')} <strong>${t('The walk ends here.')}</strong> ${text}</p>`;

function stepBox(step: Step, before: Step | undefined, folds: Folds, place: string): TemplateResult {
  const changed = before?.value !== undefined && before.value !== step.value;
  return html`<li class=${`step${step.failed ? ' failed' : ''}`}>
    <div class="line">
      <span class="level">${t('Level {0}', step.level)}</span>
      <span>${t('bits {0} are {1}', step.indexBits, step.index)}</span>
      <span>${t('table at')} <xs-address reference=${step.tableReference}>${step.table}</xs-address></span>
      <span>${t('entry at')} <xs-address reference=${step.reference}>${entryPlace(step)}</xs-address></span>
      ${
        step.value === undefined
          ? nothing
          : html`<span class=${`mono${changed ? ' changed' : ''}`}>${step.value}${
              changed ? html` <span class="quiet">${t('(was {0})', before.value ?? '')}</span>` : nothing
            }</span>`
      }
      <span><strong>${step.type}</strong>: ${step.words}</span>
      <span class="quiet">${t('covers {0} from {1}', step.covers.size, step.covers.from)}</span>
    </div>
    ${step.nested ? nestedBox(step.nested, folds, `${place}.nested`) : nothing}
    ${step.fields.length > 0 ? fieldsBox(step, changed ? before : undefined, folds, place) : nothing}
    ${step.failed ? failure(step.failed) : nothing}
  </li>`;
}

const entryPlace = ({ ipa, pa }: Step): string =>
  ipa === undefined ? `PA ${pa ?? '?'}` : `IPA ${ipa}${pa === undefined ? '' : `, PA ${pa}`}`;

function nestedBox(steps: readonly Step[], folds: Folds, place: string): TemplateResult {
  const failed = steps.some((step) => step.failed !== undefined);
  return fold(
    folds,
    place,
    failed,
    t('Stage 2 for the address of this entry ({0} levels)', steps.length),
    () => html`<ol class="chain nested">
      ${steps.map((step, n) => stepBox(step, undefined, folds, `${place}.${n}`))}
    </ol>`,
  );
}

function fold(
  folds: Folds,
  place: string,
  atFirst: boolean,
  title: string,
  content: () => TemplateResult,
): TemplateResult {
  const open = folds.isOpen(place) ?? atFirst;
  const onToggle = (event: Event): void => {
    const now = (event.target as HTMLDetailsElement).open;
    if (now !== open) folds.set(place, now);
  };
  return html`<details ?open=${open} @toggle=${onToggle}>
    <summary>${title}</summary>
    ${open ? content() : nothing}
  </details>`;
}

function fieldsBox(step: Step, before: Step | undefined, folds: Folds, place: string): TemplateResult {
  // Where the chain goes on, the line says what is needed; where it ends, every field counts.
  const atFirst = step.type !== 'table' || before !== undefined;
  const title = t('Fields of the level {0} descriptor', step.level);
  return fold(folds, `${place}.fields`, atFirst, title, () => fieldsTable(step, before));
}

const fieldsTable = (step: Step, before: Step | undefined): TemplateResult => html`
    <table class="fields">
      <thead>
        <tr>
          <th scope="col">${t('Field')}</th>
          <th scope="col">${t('Bits')}</th>
          <th scope="col">${t('Value')}</th>
          <th scope="col">${t('In words')}</th>
        </tr>
      </thead>
      <tbody>
        ${step.fields.map(({ name, bits, value, words }) => {
          const was = before?.fields.find((field) => field.name === name && field.bits === bits);
          const differs = before !== undefined && was?.value !== value;
          return html`<tr class=${differs ? 'changed' : ''}>
            <th scope="row" class="mono">${name}</th>
            <td class="mono">${bits}</td>
            <td class="mono">${value}${differs && was ? html` <span class="quiet">${t('(was {0})', was.value)}</span>` : nothing}</td>
            <td>${words}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;

function resultBox(result: NonNullable<WalkView['result']>): TemplateResult {
  return html`<section class="stage result">
    <h2>${icon('pass')} ${t('Result')}</h2>
    <p>
      PA <xs-address reference=${result.reference}>${result.pa}</xs-address>: ${result.what},
      <span class="mono">${result.permissions}</span> (${result.permissionWords}), ${result.memory}
    </p>
  </section>`;
}

export const walkStyles = css`
  .walk {
    padding: 8px;
    overflow: auto;
  }
  .walk p {
    margin: 4px 0;
  }
  .summary {
    font-size: 1.1em;
  }
  .failed > .icon,
  .why .icon {
    color: var(--vscode-errorForeground);
  }
  .fault {
    border-inline-start: 3px solid var(--vscode-errorForeground);
    padding: 2px 8px;
    margin: 4px 0 8px;
  }
  .stage {
    margin: 10px 0;
  }
  .choice {
    margin: 4px 0;
    padding-inline-start: 20px;
    color: var(--vscode-descriptionForeground);
  }
  .chain {
    list-style: none;
    margin: 0;
    padding: 0;
  }
  .step {
    border: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, currentcolor));
    border-inline-start: 3px solid var(--vscode-charts-blue);
    border-radius: 3px;
    padding: 4px 8px;
    margin: 0 0 6px;
  }
  .step.failed {
    border-color: var(--vscode-errorForeground);
    border-inline-start-width: 6px;
  }
  .line {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
  }
  .level {
    font-weight: 600;
  }
  .nested {
    margin: 4px 0 4px 12px;
  }
  details {
    margin-inline-start: 12px;
  }
  summary {
    cursor: pointer;
    color: var(--vscode-descriptionForeground);
    width: fit-content;
  }
  .fields {
    border-collapse: collapse;
    margin: 4px 0;
  }
  .fields th,
  .fields td {
    text-align: start;
    font-weight: normal;
    padding: 1px 10px 1px 4px;
    border-bottom: 1px solid var(--vscode-panel-border, transparent);
    vertical-align: top;
  }
  .fields thead th {
    color: var(--vscode-descriptionForeground);
  }
`;
