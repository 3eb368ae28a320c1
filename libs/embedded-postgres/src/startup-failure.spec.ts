import { expect, test } from '@jest/globals';
import { startupError, willPass } from './startup-failure.js';

const FACTS = { folder: '/data', port: 5432 };

test('a full disk is told by what PostgreSQL says about it', () => {
  const log = 'FATAL:  could not write to file "pg_wal/xlogtemp.29": No space left on device';

  const error = startupError(log, FACTS);

  expect(error).toMatchObject({ code: 'NO_DISK_SPACE', folder: '/data', retryable: false });
});

test('a reason without a class of its own is passed on in the words of PostgreSQL', () => {
  const log = `LOG:  starting\n2026-01-01 00:00:00 UTC [7] FATAL:  data directory "/data" has invalid permissions\n`;

  const error = startupError(log, FACTS);

  expect(error.message).toBe(
    'PostgreSQL did not start in /data: data directory "/data" has invalid permissions',
  );
});

test('a server that ended without a word is an error all the same', () => {
  expect(startupError('', FACTS)).toMatchObject({ code: 'SERVER_DID_NOT_START' });
});

test('memory held by the processes of a killed server will be free in a moment', () => {
  const log = 'FATAL:  pre-existing shared memory block (key 5432, ID 7) is still in use';

  expect(willPass(log)).toBe(true);
});
