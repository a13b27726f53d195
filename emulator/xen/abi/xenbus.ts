// The states of a device's two ends, as decimal numbers in their xenstore nodes `state`. Xen public header
// io/xenbus.h.

export const xenbusStates = {
  Unknown: 0,
  Initialising: 1,
  InitWait: 2,
  Initialised: 3,
  Connected: 4,
  Closing: 5,
  Closed: 6,
  Reconfiguring: 7,
  Reconfigured: 8,
} as const;

export type XenbusState = keyof typeof xenbusStates;

/** What a node `state` says. What is absent or no state is Unknown, as Linux reads it. */
export function xenbusState(text: string | undefined): XenbusState {
  for (const [name, value] of Object.entries(xenbusStates)) {
    if (text === String(value)) return name as XenbusState;
  }
  return 'Unknown';
}
