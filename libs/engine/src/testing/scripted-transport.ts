import type { BranchReply } from '@atone/core';
import { replyTo, type BranchCommand } from '@atone/protocol';
import type { BranchTransport, ReplyFate, ReplySink } from '../transport.port.js';

/** What a scripted participant does with a command: answer, or keep silent. */
export type Script = (command: BranchCommand) => BranchReply | undefined;

/** A transport whose participants do what a test says, and which remembers all that was sent. */
export class ScriptedTransport implements BranchTransport {
  readonly sent: BranchCommand[] = [];
  private sink: ReplySink | undefined;

  constructor(public script: Script = happyScript) {}

  onReply(sink: ReplySink): void {
    this.sink = sink;
  }

  send(command: BranchCommand): void {
    this.sent.push(command);
    const reply = this.script(command);
    if (reply !== undefined) {
      queueMicrotask(() => {
        this.reply(command, reply);
      });
    }
  }

  /** Answers a command late, or once more. Returns what became of it. */
  reply(command: BranchCommand, reply: BranchReply): ReplyFate | undefined {
    return this.sink?.(replyTo(command, reply)) ?? undefined;
  }

  async close(): Promise<void> {
    // Nothing is in flight here.
  }

  /** The sends so far, as `op branchId` in their order. */
  get ops(): readonly string[] {
    return this.sent.map((command) => `${command.op} ${command.branchId}`);
  }
}

/** Says yes to everything. */
export function happyScript(command: BranchCommand): BranchReply {
  switch (command.op) {
    case 'action':
      return { outcome: 'done', output: { by: command.action } };
    case 'confirm':
      return { outcome: 'confirmed' };
    case 'compensate':
      return { outcome: 'undone', wasEmpty: false };
    case 'close-action':
    case 'close-confirm':
    case 'close-compensate':
      return { outcome: 'closed' };
  }
}

/** Says no to the action of `branchId`, and yes to everything else. */
export function refusing(branchId: string, reason = 'no credit'): Script {
  return (command) =>
    command.op === 'action' && command.branchId === branchId
      ? { outcome: 'refused', refusal: { reason, isStored: true } }
      : happyScript(command);
}
