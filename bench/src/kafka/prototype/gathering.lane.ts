/** The most items of one flush. */
const COUNT_MAX = 1_024;

/** Gathers items: an idle lane flushes what comes in one turn, and while a flush is under way the next one fills. */
export class GatheringLane<Item> {
  private items: Item[] = [];
  private isBusy = false;

  constructor(private readonly flush: (items: readonly Item[]) => Promise<void>) {}

  add(item: Item): void {
    this.items.push(item);
    if (!this.isBusy) {
      this.isBusy = true;
      setImmediate(() => void this.work());
    }
  }

  private async work(): Promise<void> {
    while (this.items.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one flush at a time
      await this.flush(this.items.splice(0, COUNT_MAX));
    }
    this.isBusy = false;
  }
}
