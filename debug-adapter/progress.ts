// Tells the client of a request that takes long, once it does.

/** Milliseconds in which nobody wonders. */
const PATIENCE = 500;

type Tell = (event: 'progressStart' | 'progressUpdate' | 'progressEnd', body: object) => void;

export class Progress {
  readonly id: string;
  private readonly tell: Tell;
  private readonly timer: ReturnType<typeof setTimeout>;
  private isShown = false;
  private message: string | undefined;

  constructor(id: string, requestId: number, title: string, tell: Tell) {
    this.id = id;
    this.tell = tell;
    this.timer = setTimeout(() => {
      this.isShown = true;
      const { message } = this;
      tell('progressStart', {
        progressId: id,
        title,
        requestId,
        cancellable: true,
        ...(message !== undefined && { message }),
      });
    }, PATIENCE);
  }

  report(message: string): void {
    this.message = message;
    if (this.isShown) this.tell('progressUpdate', { progressId: this.id, message });
  }

  end(): void {
    clearTimeout(this.timer);
    if (this.isShown) this.tell('progressEnd', { progressId: this.id });
  }
}
