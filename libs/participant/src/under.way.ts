import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { canonicalJson } from './canonical-json.js';

/** A command that is carried out. */
export interface Execution {
  readonly command: BranchCommand;
  /** Absent while it begins. Never rejects. */
  reply?: Promise<BranchReply>;
}

/** The commands that this process carries out, or is about to. */
export class UnderWay {
  /** By gid, whose text is there already: almost always one. */
  readonly #executions = new Map<string, Execution[]>();

  /** Returns the reply that is to come to the same command, whichever attempt of it this is. */
  find(command: BranchCommand): Promise<BranchReply> | undefined {
    return this.#executions.get(command.gid)?.find((one) => isSame(one.command, command))?.reply;
  }

  /** Remembers a command until it is told to have ended. */
  begin(command: BranchCommand): Execution {
    const execution: Execution = { command };
    const others = this.#executions.get(command.gid);
    if (others === undefined) {
      this.#executions.set(command.gid, [execution]);
    } else {
      others.push(execution);
    }
    return execution;
  }

  /** Forgets it. */
  end(execution: Execution): void {
    const { gid } = execution.command;
    const executions = this.#executions.get(gid) ?? [];
    const position = executions.indexOf(execution);
    if (executions.length === 1 && position === 0) {
      this.#executions.delete(gid);
    } else if (position !== -1) {
      executions.splice(position, 1);
    }
  }
}

function isSame(left: BranchCommand, right: BranchCommand): boolean {
  return (
    left.branchId === right.branchId &&
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
