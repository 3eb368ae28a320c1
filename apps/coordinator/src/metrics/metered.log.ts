import type { TransactionLog } from '@atone/engine';
import type { Lane, Meters } from './meters.js';

const LANES: Readonly<Record<string, Lane>> = {
  accept: 'accept',
  insertIfAbsent: 'insert',
  update: 'update',
};

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Returns the log as it is, but for what counts the calls that fail, and measures those that write batches. */
export function meteredLog(log: TransactionLog, meters: Meters): TransactionLog {
  const calls = new Map<PropertyKey, Call>();
  return new Proxy(log, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') {
        return member;
      }
      const call = calls.get(name) ?? metered(String(name), member.bind(target) as Call, meters);
      calls.set(name, call);
      return call;
    },
  });
}

function metered(name: string, call: Call, meters: Meters): Call {
  const lane = LANES[name];
  const counted: Call = async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      meters.logFailed(name);
      throw error;
    }
  };
  return lane === undefined ? counted : timed(lane, counted, meters);
}

function timed(lane: Lane, call: Call, meters: Meters): Call {
  return async (...args) => {
    const startedAt = performance.now();
    const [rows] = args;
    try {
      return await call(...args);
    } finally {
      meters.flushed(lane, Array.isArray(rows) ? rows.length : 1, performance.now() - startedAt);
    }
  };
}
