import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { setFailpointHook } from '@atone/core';

/*
 * Loaded into a process under test before anything else: a pass of the failpoint that FAILPOINT_FILE names, as
 * `engine.decide.afterWrite kill 1` or `… freeze 2`, ends the process as a power cut would, or stops it until it is thawed. The
 * number tells which pass. The file is gone then: so a test sees that it has happened, and the next life is not ended as well.
 */

const { FAILPOINT_FILE = '' } = process.env;
/** So long does what was sent have to leave this machine, while nobody here hears the answer. */
const SENDING_MS = 20;

setFailpointHook((name) => {
  if (!existsSync(FAILPOINT_FILE)) return;
  const [armed, what, pass] = readFileSync(FAILPOINT_FILE, 'utf8').split(' ');
  if (name !== armed) return;
  if (Number(pass) > 1) {
    writeFileSync(FAILPOINT_FILE, `${armed} ${what} ${Number(pass) - 1}`);
    return;
  }
  unlinkSync(FAILPOINT_FILE);
  if (!name.endsWith('.afterSend')) return end(what);
  setTimeout(end, SENDING_MS, what);
  return new Promise(() => {});
});

function end(what) {
  process.kill(process.pid, what === 'freeze' ? 'SIGSTOP' : 'SIGKILL');
}
