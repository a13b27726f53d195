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

/** Filters that stand for no group of events, even where an event is called so. */
export const OTHER_FILTERS: ReadonlySet<string> = new Set(['panic', 'crash']);

/** What else is known of events, by name. */
export interface EventStates {
  readonly choices: ReadonlyMap<string, Choice>;
  readonly answers: ReadonlyMap<string, EventBreakpointAnswer>;
  /** Set as exception filters in the view Breakpoints, with their conditions: a filter is called as its event is. */
  readonly filters: ReadonlyMap<string, string>;
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
  /** Here, or as an exception filter. */
  readonly isOn: boolean;
  readonly isFilter: boolean;
  /** Something below is on. */
  readonly holdsChoices: boolean;
  readonly children: readonly EventItem[];
}

/** Those that can happen in this machine. */
export function eventItems(categories: readonly CatalogCategory[], states: EventStates): EventItem[] {
  return categories.flatMap(({ id, label, events }) => {
    const possible = events.filter(({ available }) => available);
    const children = membersOf('', possible).map((event) => eventItem(event, possible, states));
    if (children.length === 0) return [];
    return {
      // Events are called as their category is, too.
      id: `category ${id}`,
      label,
      description: '',
      tooltip: label,
      event: undefined,
      isOn: false,
      isFilter: false,
      holdsChoices: children.some(holds),
      children,
    };
  });
}

/** What goes to the adapter: the events that are on. */
export const requestsOf = (choices: ReadonlyMap<string, Choice>): EventBreakpointRequest[] =>
  [...choices.values()].filter(({ on }) => on).map(({ request }) => request);

const holds = (item: EventItem): boolean => item.isOn || item.holdsChoices;

function eventItem(event: CatalogEvent, events: readonly CatalogEvent[], states: EventStates): EventItem {
  const { name, label, description } = event;
  const choice = states.choices.get(name);
  const condition = states.filters.get(name);
  const isFilter = condition !== undefined;
  const children = membersOf(name, events).map((member) => eventItem(member, events, states));
  const fields = event.fields.map((field) => `$ev.${field.name}: ${field.doc}`);
  const words = [
    ...(choice?.on || (choice && !isFilter) ? [choiceWords(choice, states.answers.get(name))] : []),
    ...(isFilter ? [filterWords(condition)] : []),
  ];
  return {
    id: name,
    label,
    description: words.filter((text) => text !== '').join(' · '),
    tooltip: [description, ...fields].join('\n'),
    event,
    isOn: isFilter || (choice?.on ?? false),
    isFilter,
    holdsChoices: children.some(holds),
    children,
  };
}

const filterWords = (condition: string): string => (condition === '' ? 'filter' : `filter if ${condition}`);

/** `12× · log · post · if $ev.port == 3`: what differs from what is usual. Of a narrow view the end is cut off. */
function choiceWords(choice: Choice, answer: EventBreakpointAnswer | undefined): string {
  const { action = 'stop', stage, condition, hitCondition } = choice.request;
  const words = [
    ...(answer && answer.count > 0 ? [`${answer.count}×`] : []),
    ...(action === 'stop' ? [] : [action]),
    ...(stage === undefined || stage === 'pre' ? [] : [stage]),
    ...(condition ? [`if ${condition}`] : []),
    ...(hitCondition ? [`hit ${hitCondition}`] : []),
    ...(answer?.message !== undefined && choice.on ? [answer.message] : []),
  ];
  return words.join(' · ');
}

/** Those whose name continues this one, with no other between them. */
function membersOf(group: string, events: readonly CatalogEvent[]): readonly CatalogEvent[] {
  const names = new Set(events.map(({ name }) => name));
  return events.filter(({ name }) => groupOf(name, names) === group);
}

/**
 * The longest name of an event that this one continues. What a name begins with up to its first dot is all of a
 * category, which stands for itself: that event is the first of its members.
 */
function groupOf(name: string, names: ReadonlySet<string>): string {
  const root = name.indexOf('.');
  for (let end = name.lastIndexOf('.'); end > root; end = name.lastIndexOf('.', end - 1)) {
    const group = name.slice(0, end);
    if (names.has(group)) return group;
  }
  return '';
}
