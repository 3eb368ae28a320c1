import { expect, test } from '@jest/globals';
import { JARS, KAFKA_VERSION } from './jar.list.js';

test('the list has Kafka itself in the version that it tells, where Maven Central keeps it', () => {
  const name = `kafka_2.13-${KAFKA_VERSION}.jar`;

  expect(JARS.find((jar) => jar.name === name)).toEqual({
    name,
    path: `org/apache/kafka/kafka_2.13/${KAFKA_VERSION}/${name}`,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
  });
});

test('each jar has a sum and a place, and no other has its name', () => {
  const odd = JARS.filter(
    ({ name, path, sha256 }) =>
      !/^[0-9a-f]{64}$/u.test(sha256) ||
      !/^[\w.-]+(?:\/[\w.-]+){3,}$/u.test(path) ||
      !path.endsWith(`/${name}`),
  );

  expect(odd).toEqual([]);
  expect(new Set(JARS.map(({ name }) => name)).size).toBe(JARS.length);
});

test('all parts of Kafka are of one version', () => {
  const parts = JARS.filter(({ path }) => path.startsWith('org/apache/kafka/'));

  expect(new Set(parts.map(({ path }) => path.split('/').at(-2)))).toEqual(new Set([KAFKA_VERSION]));
});
