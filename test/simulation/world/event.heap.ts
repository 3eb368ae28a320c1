/** What is going to happen at a time. Events of one time happen in the order in which they were planned. */
export interface SimulationEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** A binary heap: the earliest event first. */
export class EventHeap {
  private readonly events: SimulationEvent[] = [];

  get size(): number {
    return this.events.length;
  }

  push(event: SimulationEvent): void {
    let position = this.events.length;
    this.events.push(event);
    while (position > 0) {
      const above = (position - 1) >> 1;
      if (!this.isBefore(event, this.events[above])) {
        break;
      }
      this.events[position] = this.events[above] as SimulationEvent;
      position = above;
    }
    this.events[position] = event;
  }

  pop(): SimulationEvent | undefined {
    const first = this.events[0];
    const last = this.events.pop();
    if (last !== undefined && this.events.length > 0) {
      this.sink(last);
    }
    return first;
  }

  private sink(event: SimulationEvent): void {
    let position = 0;
    for (;;) {
      const left = 2 * position + 1;
      const right = left + 1;
      const below =
        right < this.events.length && this.isBefore(this.at(right), this.events[left]) ? right : left;
      if (below >= this.events.length || !this.isBefore(this.at(below), event)) {
        break;
      }
      this.events[position] = this.at(below);
      position = below;
    }
    this.events[position] = event;
  }

  private at(position: number): SimulationEvent {
    return this.events[position] as SimulationEvent;
  }

  private isBefore(event: SimulationEvent, other: SimulationEvent | undefined): boolean {
    return (
      other !== undefined &&
      (event.atMs < other.atMs || (event.atMs === other.atMs && event.order < other.order))
    );
  }
}
