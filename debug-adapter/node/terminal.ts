// The user's terminal as a guest's console: keys pass through, but for one that leaves.

/** Ctrl-], as in xl console and telnet. */
const ESCAPE_KEY = 0x1d;

export interface Terminal {
  /** Whether the escape key was pressed, or the terminal is gone. */
  readonly left: boolean;
  /** What was typed since the last time. */
  take(): Uint8Array[];
  /** Lets events in, for that many milliseconds, or until a key comes. */
  pause(milliseconds: number): Promise<void>;
  detach(): void;
}

/** Takes the keyboard. Whoever calls detaches on every way out; a signal detaches by itself. */
export function attachTerminal(): Terminal {
  const { stdin, stderr } = process;
  let left = false;
  let typed: Uint8Array[] = [];
  let wake = (): void => {};
  const leave = (): void => {
    left = true;
    wake();
  };
  const onData = (data: Buffer): void => {
    const escape = data.indexOf(ESCAPE_KEY);
    const bytes = escape < 0 ? data : data.subarray(0, escape);
    if (bytes.length > 0) typed.push(bytes);
    if (escape >= 0) left = true;
    wake();
  };
  const detach = (): void => {
    stdin.off('data', onData).off('end', leave).off('error', leave);
    for (const signal of DEADLY) process.off(signal, onSignal);
    stdin.setRawMode(false);
    stdin.pause();
  };
  // The keyboard of a raw terminal sends no signals: these come from elsewhere.
  const onSignal = (signal: NodeJS.Signals): void => {
    detach();
    process.kill(process.pid, signal);
  };

  stderr.write('xenscope: press Ctrl-] to leave the console\n');
  stdin.setRawMode(true);
  stdin.on('data', onData).on('end', leave).on('error', leave);
  for (const signal of DEADLY) process.on(signal, onSignal);
  stdin.resume();
  return {
    get left() {
      return left;
    },
    take: () => {
      const taken = typed;
      typed = [];
      return taken;
    },
    pause: (milliseconds) =>
      new Promise((resolve) => {
        const timer = milliseconds > 0 ? setTimeout(() => wake(), milliseconds) : setImmediate(() => wake());
        wake = () => {
          wake = () => {};
          if (milliseconds > 0) clearTimeout(timer as NodeJS.Timeout);
          else clearImmediate(timer as NodeJS.Immediate);
          resolve();
        };
        if (typed.length > 0 || left) wake();
      }),
    detach,
  };
}

const DEADLY = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
