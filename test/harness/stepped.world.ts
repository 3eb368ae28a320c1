const PASS_COUNT_MAX = 20_000;

/** A world whose time goes on in steps while somebody waits. */
export class SteppedWorld {
  constructor(private readonly pass: () => Promise<void>) {}

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let count = 0; count < PASS_COUNT_MAX; count += 1) {
      // oxlint-disable no-await-in-loop -- time goes on in steps.
      if (await holds()) {
        return;
      }
      await this.pass();
      // oxlint-enable no-await-in-loop
    }
    throw new Error('It did not happen in time.');
  }

  /** Waits for what takes time by the clock of this world. */
  async through<Answer>(work: Promise<Answer>): Promise<Answer> {
    const watch = { isOver: false };
    void work
      .catch(() => undefined)
      .finally(() => {
        watch.isOver = true;
      });
    await this.until(() => watch.isOver);
    return work;
  }
}
