import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { canonicalJson } from './canonical-json.js';

interface Execution {
  readonly command: BranchCommand;
  readonly reply: Promise<BranchReply>;
}

/** The commands that this process carries out, or is about to. */
export class UnderWay {
  /** By branch: almost always one. */
  readonly #executions = new Map<string, Execution[]>();

  /** Returns the reply that is to come to the same command, whichever attempt of it this is. */
  find(command: BranchCommand): Promise<BranchReply> | undefined {
    return this.#executions.get(keyOf(command))?.find((one) => isSame(one.command, command))?.reply;
  }

  /** Remembers a command until its reply is there. `reply` never rejects. */
  add(command: BranchCommand, reply: Promise<BranchReply>): void {
    const key = keyOf(command);
    const execution = { command, reply };
    const others = this.#executions.get(key);
    if (others === undefined) {
      this.#executions.set(key, [execution]);
    } else {
      others.push(execution);
    }
    void reply.then(() => this.#forget(key, execution));
  }

  #forget(key: string, execution: Execution): void {
    const left = this.#executions.get(key)?.filter((one) => one !== execution) ?? [];
    if (left.length > 0) {
      this.#executions.set(key, left);
    } else {
      this.#executions.delete(key);
    }
  }
}

function keyOf({ gid, branchId }: BranchCommand): string {
  return `${gid} ${branchId}`;
}

function isSame(left: BranchCommand, right: BranchCommand): boolean {
  return (
    left.op === right.op &&
    left.service === right.service &&
    left.action === right.action &&
    left.round === right.round &&
    left.nonce === right.nonce &&
    left.led?.secretHash === right.led?.secretHash &&
    spelled(left) === spelled(right)
  );
}

/** No input is not the same as `null`. */
function spelled({ input }: BranchCommand): string {
  return input === undefined ? '' : canonicalJson(input);
}
