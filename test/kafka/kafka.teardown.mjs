import { stopServers } from './kafka.setup.mjs';

/** Jest's global tear-down. */
// oxlint-disable-next-line import/no-default-export -- what Jest calls
export default async function tearDown() {
  await stopServers();
}
