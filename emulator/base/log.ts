// One logger for the machine: what the user should know about the guest or the configuration.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  log(level: LogLevel, source: string, message: string): void;
}

export const silentLogger: Logger = { log: () => {} };

/** So many different complaints say enough; a guest could make any number of them. */
const MOST_MESSAGES = 256;

/** Passes on the first message of each key and drops the rest: absence is reported once. */
export class OnceLogger {
  private readonly seen = new Set<string>();
  private readonly sink: Logger;

  constructor(sink: Logger) {
    this.sink = sink;
  }

  once(key: string, level: LogLevel, source: string, message: string): void {
    if (this.seen.size > MOST_MESSAGES || this.seen.has(key)) return;
    this.seen.add(key);
    this.sink.log(level, source, message);
    if (this.seen.size > MOST_MESSAGES) {
      this.sink.log(level, source, 'there were many messages: what follows is not reported');
    }
  }
}
