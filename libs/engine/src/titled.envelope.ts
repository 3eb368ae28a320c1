import { isDeepStrictEqual } from 'node:util';
import type { RowTitle } from './log.port.js';
import type { Envelope } from './saga.codec.js';

/** An envelope whose title its initiator may tell later than another has written it. */
export class TitledEnvelope {
  private inRow: RowTitle;

  constructor(private known: Envelope) {
    this.inRow = known;
  }

  get envelope(): Envelope {
    return this.known;
  }

  /** Takes a title over, and tells whether it says anything new. A lane or tags that it leaves out stay as they are. */
  entitle({ name, lane = this.known.lane, tags }: RowTitle): boolean {
    const title = { name, lane, tags: Object.keys(tags).length === 0 ? this.known.tags : tags };
    this.known = { ...this.known, ...title };
    return this.unwritten() !== undefined;
  }

  /** Returns the title where the row does not have it yet. */
  unwritten(): RowTitle | undefined {
    if (this.known === this.inRow) {
      return undefined;
    }
    const title = titleOf(this.known);
    return isDeepStrictEqual(title, titleOf(this.inRow)) ? undefined : title;
  }

  /** Takes note that the row has this title. */
  written(title: RowTitle): void {
    this.inRow = title;
  }
}

function titleOf({ name, lane, tags }: RowTitle): RowTitle {
  return { name, lane, tags };
}
