import { setFailpointHook } from '@atone/core';

/*
 * Loaded into a service under test before anything else: FAILPOINT=participant.action.beforeReply FAILPOINT_PASSES=3,9
 * kills the process on those passes of that failpoint, as a power cut would.
 */

const { FAILPOINT, FAILPOINT_PASSES = '' } = process.env;
const passes = new Set(FAILPOINT_PASSES.split(',').map(Number));
let pass = 0;

setFailpointHook((name) => {
  if (name !== FAILPOINT) return;
  pass += 1;
  if (passes.has(pass)) process.kill(process.pid, 'SIGKILL');
});
