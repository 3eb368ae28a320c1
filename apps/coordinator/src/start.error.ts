export interface StartErrorOptions extends ErrorOptions {
  /** Whether the same start may go well a little later, though nobody has changed anything. Default: not. */
  readonly mayPass?: boolean;
}

/** The coordinator cannot start. The message is one sentence for whoever started it. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly mayPass: boolean;

  constructor(message: string, { mayPass = false, ...options }: StartErrorOptions = {}) {
    super(message, options);
    this.mayPass = mayPass;
  }
}
