import type { CommandBatch } from '@atone/protocol';
import type { HttpTransportLimits } from './limits.js';
import type { ServiceQueue, Waiting } from './service.queue.js';

const BODY_START = `{"protocol":${1 satisfies CommandBatch['protocol']},"commands":[`;
const BODY_END = ']}';

/** What goes out in one request. What is `late` must not, and what is `oversized` cannot go out at all. */
export interface Batch {
  readonly commands: readonly Waiting[];
  readonly late: readonly Waiting[];
  readonly oversized: readonly Waiting[];
  readonly body: string;
}

export interface BatchRules {
  /** Where commands are taken from, one route after the other. */
  readonly routes: readonly string[];
  readonly nowMs: number;
  readonly limits: HttpTransportLimits;
}

/** Takes as many commands from the queue as one request may carry. */
export function takeBatch(queue: ServiceQueue, { routes, nowMs, limits }: BatchRules): Batch {
  const commands: Waiting[] = [];
  const late: Waiting[] = [];
  const oversized: Waiting[] = [];
  const parts: string[] = [];
  const frameBytes = BODY_START.length + BODY_END.length;
  let bytes = frameBytes;
  const accepts = (waiting: Waiting): boolean => {
    if (commands.length === limits.commandCountMax) {
      return false;
    }
    if (waiting.leaveBy <= nowMs) {
      late.push(waiting);
      return true;
    }
    const part = JSON.stringify(waiting.command);
    const partBytes = Buffer.byteLength(part) + 1;
    if (partBytes + frameBytes > limits.bodyBytesMax) {
      oversized.push(waiting);
      return true;
    }
    if (bytes + partBytes > limits.bodyBytesMax) {
      return false;
    }
    bytes += partBytes;
    commands.push(waiting);
    parts.push(part);
    return true;
  };
  for (const route of routes) {
    queue.take(route, accepts);
  }
  return { commands, late, oversized, body: BODY_START + parts.join(',') + BODY_END };
}
