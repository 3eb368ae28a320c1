import { setTimeout as pause } from 'node:timers/promises';
import type { FailpointHook } from '@atone/core';
import { StartError } from '../start.error.js';

interface Fault {
  readonly what: 'kill' | 'pause';
  readonly pauseMs: number;
  /** On which pass it happens; undefined: on each. */
  readonly pass: number | undefined;
}

const RULE = /^([A-Za-z0-9._-]+)=(kill|pause:(\d{1,7}))(?:@(\d{1,6}))?$/u;

/**
 * Returns what the failpoints of a process under test do, from rules such as `engine.first.afterWrite=kill@3` (kill the
 * process on the third pass) and `engine.end.beforeWrite=pause:500` (wait half a second on each), with commas between.
 *
 * @throws {StartError} when a rule makes no sense.
 */
export function failpointHook(rules: string): FailpointHook {
  const faults = new Map(rules.split(',').map(faultOf));
  const passes = new Map<string, number>();
  return (name) => {
    const fault = faults.get(name);
    if (fault === undefined) {
      return undefined;
    }
    const pass = (passes.get(name) ?? 0) + 1;
    passes.set(name, pass);
    return fault.pass === undefined || fault.pass === pass ? commit(fault) : undefined;
  };
}

function commit(fault: Fault): Promise<void> | undefined {
  if (fault.what === 'pause') {
    return pause(fault.pauseMs);
  }
  // As a power cut would: no handler runs, and nothing is flushed.
  process.kill(process.pid, 'SIGKILL');
  return undefined;
}

function faultOf(rule: string): [string, Fault] {
  const [, name, what, pauseMs, pass] = RULE.exec(rule.trim()) ?? [];
  if (name === undefined || what === undefined) {
    throw new StartError(
      `ATONE_FAILPOINTS holds '${rule}', which is not like name=kill@3 or name=pause:500.`,
    );
  }
  return [
    name,
    {
      what: what === 'kill' ? 'kill' : 'pause',
      pauseMs: Number(pauseMs ?? 0),
      pass: pass === undefined && what === 'kill' ? 1 : pass === undefined ? undefined : Number(pass),
    },
  ];
}
