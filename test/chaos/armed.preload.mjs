import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { setFailpointHook } from '@atone/core';

/*
 * Loaded into a process under test before anything else: the first pass of the failpoint that FAILPOINT_FILE names, as
 * `engine.decide.afterWrite kill` or `… freeze`, ends the process as a power cut would, or stops it until it is thawed. The
 * file is gone then: so a test sees that it has happened, and the next life is not ended as well.
 */

const { FAILPOINT_FILE = '' } = process.env;

setFailpointHook((name) => {
  if (!existsSync(FAILPOINT_FILE)) return;
  const [armed, what] = readFileSync(FAILPOINT_FILE, 'utf8').split(' ');
  if (name !== armed) return;
  unlinkSync(FAILPOINT_FILE);
  process.kill(process.pid, what === 'freeze' ? 'SIGSTOP' : 'SIGKILL');
});
