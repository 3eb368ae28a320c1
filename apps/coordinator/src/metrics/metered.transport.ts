import type { BranchTransport, ReplySink } from '@atone/engine';
import type { BranchCommand } from '@atone/protocol';
import type { Meters, Way } from './meters.js';

/** Counts the commands and the replies of a transport, and changes nothing. */
export class MeteredTransport implements BranchTransport {
  constructor(
    private readonly transport: BranchTransport,
    private readonly way: Way,
    private readonly meters: Meters,
  ) {}

  onReply(sink: ReplySink): void {
    this.transport.onReply((reply) => {
      this.meters.replied(this.way, reply);
      return sink(reply);
    });
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    this.meters.sent(this.way, command);
    this.transport.send(command, answerWithinMs);
  }

  async close(): Promise<void> {
    await this.transport.close();
  }
}
