/** Ends what is waited for in vain. */
export class Cut {
  /** Rejects when the cut is made. */
  readonly promise: Promise<never>;
  private reject: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise<never>((_, reject) => {
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }

  make(): void {
    this.reject(new Error('The transport was closed before the log had answered.'));
  }
}
