import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '@atone/core';

/** What a plain endpoint forgets. */
export interface Sins {
  /** Takes each request for a new one. */
  readonly noKeys?: boolean;
  /** Looks whether it knows the key, and acts on it after another request has looked, too. */
  readonly earlyLook?: boolean;
  /** Does not know what to undo, and says so. */
  readonly noEmptyUndo?: boolean;
  /** Keeps no record of an undo. */
  readonly noRecord?: boolean;
  /** Answers a repeat after the undo as it did before, though it does nothing. */
  readonly oldAnswer?: boolean;
  /** Takes back once more what is undone already. */
  readonly undoAgain?: boolean;
  /** Says yes to an undo, and does nothing. */
  readonly lazyUndo?: boolean;
  /** Answers from the key, whatever the input is. */
  readonly anyInput?: boolean;
  /** Says yes to a confirm of what is undone. */
  readonly confirmUndone?: boolean;
  /** Says yes to a confirm of what is not there. */
  readonly confirmNothing?: boolean;
  /** Undoes what is confirmed. */
  readonly cancelConfirmed?: boolean;
  /** Says no to a repeated confirm. */
  readonly confirmOnce?: boolean;
  /** Changes its mind after a no. */
  readonly softRefusal?: boolean;
}

interface StoredBranch {
  readonly state: 'done' | 'confirmed' | 'undone' | 'refused';
  readonly input: string;
  readonly answer: Json;
}

type Answer = readonly [status: number, body: Json];

/** The branch which gets two requests at once when a participant is checked. */
const RACING_BRANCH = 3;

/** A plain endpoint as somebody would write it in another language: good, but for its sins. */
export class PlainEndpoint {
  /** Where it listens, without a slash at the end. */
  url = '';
  /** How many effects stand. */
  effectCount = 0;
  private answerCount = 0;
  private readonly branches = new Map<string, StoredBranch>();
  private readonly looks = new Map<string, (() => void)[]>();
  private readonly server: Server;

  private constructor(private readonly sins: Sins) {
    this.server = createServer((request, response) => {
      void this.serve(request, response);
    });
  }

  /** Starts one at a port of its own. */
  static async start(sins: Sins): Promise<PlainEndpoint> {
    const endpoint = new PlainEndpoint(sins);
    await new Promise<void>((resolve) => {
      endpoint.server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = endpoint.server.address() as AddressInfo;
    endpoint.url = `http://127.0.0.1:${port}`;
    return endpoint;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    const branch = `${String(request.headers['atone-gid'])} ${String(request.headers['atone-branch-id'])}`;
    const [status, body] = await this.answerTo(request.url, branch, Buffer.concat(parts).toString('utf8'));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === null ? '' : JSON.stringify(body));
  }

  private async answerTo(url: string | undefined, branch: string, body: string): Promise<Answer> {
    if (url === '/reservations') {
      return this.reserve(branch, body);
    }
    return url === '/reservations/confirm' ? this.confirm(branch) : this.cancel(branch);
  }

  private confirm(branch: string): Answer {
    const stored = this.branches.get(branch);
    if (stored === undefined) {
      return this.sins.confirmNothing === true ? [204, null] : [409, { detail: 'There is no such hold.' }];
    }
    if (stored.state === 'undone') {
      return this.sins.confirmUndone === true ? [204, null] : [409, { detail: 'It is undone.' }];
    }
    if (stored.state === 'confirmed' && this.sins.confirmOnce === true) {
      return [409, { detail: 'It is confirmed.' }];
    }
    this.branches.set(branch, { ...stored, state: 'confirmed' });
    return [204, null];
  }

  private async reserve(branch: string, input: string): Promise<Answer> {
    const stored = this.sins.noKeys === true ? undefined : this.branches.get(branch);
    if (this.sins.earlyLook === true) {
      await this.anotherLook(branch);
    }
    return (stored && this.answerOf(stored, input)) ?? this.act(branch, input, stored);
  }

  private answerOf({ state, input: inputBefore, answer }: StoredBranch, input: string): Answer | undefined {
    if (state === 'undone' && this.sins.oldAnswer === true && answer !== null) {
      return [200, answer];
    }
    if (state === 'undone' && this.sins.noRecord !== true) {
      return [409, { detail: 'It is undone.' }];
    }
    if (state !== 'done') {
      return undefined;
    }
    return inputBefore === input || this.sins.anyInput === true
      ? [200, answer]
      : [409, { detail: 'Another input came before.' }];
  }

  private act(branch: string, input: string, stored: StoredBranch | undefined): Answer {
    const isSoft = this.sins.softRefusal === true && stored?.state === 'refused';
    if ((JSON.parse(input) as { sku: string }).sku === 'none' && !isSoft) {
      this.branches.set(branch, { state: 'refused', input, answer: null });
      return [409, { detail: 'out of stock' }];
    }
    this.effectCount += 1;
    this.answerCount += 1;
    const answer = { no: this.answerCount };
    this.branches.set(branch, { state: 'done', input, answer });
    return [200, answer];
  }

  private cancel(branch: string): Answer {
    const stored = this.branches.get(branch);
    if (stored === undefined && this.sins.noEmptyUndo === true) {
      return [404, { detail: 'There is no such reservation.' }];
    }
    if (stored?.state === 'confirmed' && this.sins.cancelConfirmed !== true) {
      return [409, { detail: 'It is confirmed.' }];
    }
    const isDue = stored?.state === 'done' || (stored?.state === 'undone' && this.sins.undoAgain === true);
    if (isDue && this.sins.lazyUndo !== true) {
      this.effectCount -= 1;
    }
    this.branches.set(branch, { input: '', answer: null, ...stored, state: 'undone' });
    return [204, null];
  }

  /** Waits for the other one of two requests for a branch. */
  private async anotherLook(branch: string): Promise<void> {
    const looks = this.looks.get(branch) ?? [];
    this.looks.set(branch, looks);
    if (this.looks.size !== RACING_BRANCH || looks.length > 1) {
      return;
    }
    await new Promise<void>((resolve) => {
      looks.push(resolve);
      if (looks.length === 2) {
        for (const go of looks) {
          go();
        }
      }
    });
  }
}
