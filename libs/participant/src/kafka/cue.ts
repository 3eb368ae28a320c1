/** Wakes all who wait for the next time that something happens. */
export class Cue {
  private coming: Promise<void>;
  private wake: () => void = () => undefined;

  constructor() {
    this.coming = this.renewed();
  }

  async next(): Promise<void> {
    return this.coming;
  }

  fire(): void {
    const { wake } = this;
    this.coming = this.renewed();
    wake();
  }

  private async renewed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
