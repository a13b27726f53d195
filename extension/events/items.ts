// The tree of event breakpoints as data: categories, groups and events of the catalogue, with what the user chose for
// each. Nothing of the editor is in here, so that tests can look at it.

import type {
  CatalogCategory,
  CatalogEvent,
  EventBreakpointAnswer,
  EventBreakpointRequest,
} from '../../debug-adapter/protocol.ts';

/** What the user chose for an event. */
export interface Choice {
  readonly on: boolean;
  readonly request: EventBreakpointRequest;
}

export interface EventItem {
  /** Stays the same, so that the tree keeps what is open. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  /** Lines. */
  readonly tooltip: string;
  /** Undefined: a category, which is none to be chosen. */
  readonly event: CatalogEvent | undefined;
  readonly isOn: boolean;
  /** Something below is on. */
  readonly holdsChoices: boolean;
  readonly children: readonly EventItem[];
}

export function eventItems(
  categories: readonly CatalogCategory[],
  choices: ReadonlyMap<string, Choice>,
  answers: ReadonlyMap<string, EventBreakpointAnswer>,
): EventItem[] {
  return categories.map(({ id, label, events }) => {
    const children = membersOf('', events).map((event) => eventItem(event, events, choices, answers));
    return {
      // Events are called as their category is, too.
      id: `category ${id}`,
      label,
      description: '',
      tooltip: label,
      event: undefined,
      isOn: false,
      holdsChoices: children.some(holds),
      children,
    };
  });
}

/** What goes to the adapter: the events that are on. */
export const requestsOf = (choices: ReadonlyMap<string, Choice>): EventBreakpointRequest[] =>
  [...choices.values()].filter(({ on }) => on).map(({ request }) => request);

const holds = (item: EventItem): boolean => item.isOn || item.holdsChoices;

function eventItem(
  event: CatalogEvent,
  events: readonly CatalogEvent[],
  choices: ReadonlyMap<string, Choice>,
  answers: ReadonlyMap<string, EventBreakpointAnswer>,
): EventItem {
  const { name, label, description } = event;
  const choice = choices.get(name);
  const children = membersOf(name, events).map((member) => eventItem(member, events, choices, answers));
  const fields = event.fields.map((field) => `$ev.${field.name}: ${field.doc}`);
  return {
    id: name,
    label,
    description: choice ? choiceWords(choice, answers.get(name)) : '',
    tooltip: [description, ...fields].join('\n'),
    event,
    isOn: choice?.on ?? false,
    holdsChoices: children.some(holds),
    children,
  };
}

/** `log · after · if $ev.port == 3 · 12×`: what differs from what is usual. */
function choiceWords(choice: Choice, answer: EventBreakpointAnswer | undefined): string {
  const { action = 'stop', stage, condition, hitCondition } = choice.request;
  const words = [
    ...(action === 'stop' ? [] : [action]),
    ...(stage === undefined || stage === 'pre' ? [] : [stage]),
    ...(condition ? [`if ${condition}`] : []),
    ...(hitCondition ? [`hit ${hitCondition}`] : []),
    ...(answer && answer.count > 0 ? [`${answer.count}×`] : []),
    ...(answer?.message !== undefined && choice.on ? [answer.message] : []),
  ];
  return words.join(' · ');
}

/** Those whose name continues this one, with no other between them. */
function membersOf(group: string, events: readonly CatalogEvent[]): readonly CatalogEvent[] {
  const names = new Set(events.map(({ name }) => name));
  return events.filter(({ name }) => parentOf(name, names) === group);
}

/** The longest name of an event that this one continues. */
function parentOf(name: string, names: ReadonlySet<string>): string {
  for (let end = name.lastIndexOf('.'); end > 0; end = name.lastIndexOf('.', end - 1)) {
    const parent = name.slice(0, end);
    if (names.has(parent)) return parent;
  }
  return '';
}
