// The user's terminal as a guest's console: keys pass through, but for one that leaves.

/** Ctrl-], as in xl console and telnet. */
const ESCAPE_KEY = 0x1d;

export interface Terminal {
  /** Whether the escape key was pressed. */
  readonly left: boolean;
  /** Lets events in, for at least that many milliseconds, or until a key comes. */
  pause(milliseconds: number): Promise<void>;
  detach(): void;
}

/** Takes the keyboard. `typed` gets what was typed. */
export function attachTerminal(typed: (bytes: Uint8Array) => void): Terminal {
  let left = false;
  let wake: (() => void) | undefined;
  const onData = (data: Buffer): void => {
    const escape = data.indexOf(ESCAPE_KEY);
    const bytes = escape < 0 ? data : data.subarray(0, escape);
    if (bytes.length > 0) typed(bytes);
    if (escape >= 0) left = true;
    wake?.();
  };
  process.stderr.write('xenscope: press Ctrl-] to leave the console\n');
  process.stdin.setRawMode(true);
  process.stdin.on('data', onData);
  process.stdin.resume();
  return {
    get left() {
      return left;
    },
    pause: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        wake = () => {
          clearTimeout(timer);
          setImmediate(resolve);
        };
      }),
    detach: () => {
      process.stdin.off('data', onData);
      process.stdin.setRawMode(false);
      process.stdin.pause();
    },
  };
}
