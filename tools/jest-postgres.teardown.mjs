import { stopServer } from './jest-postgres.setup.mjs';

/** Jest's global tear-down. */
// oxlint-disable-next-line import/no-default-export -- what Jest calls
export default async function tearDown() {
  await stopServer();
}
