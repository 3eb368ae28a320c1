import { expect, test } from '@jest/globals';
import { startupError } from './startup-failure.js';

test('a port that another program has is named', () => {
  const log = `[main] ERROR kafka.network.DataPlaneAcceptor - Unable to start acceptor for PLAINTEXT
org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:21092: Address already in use.
\tat kafka.network.Acceptor.start(SocketServer.scala:530)
Caused by: java.net.BindException: Address already in use
[main] ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception during startup.
java.lang.RuntimeException: Unable to start acceptor for PLAINTEXT`;

  expect(startupError(log, '/data')).toMatchObject({ code: 'PORT_IN_USE', port: 21_092 });
});

test('a full disk is named by the folder on it', () => {
  const log = 'java.io.IOException: No space left on device';

  expect(startupError(log, '/data')).toMatchObject({
    code: 'NO_DISK_SPACE',
    message: expect.stringContaining('/data'),
  });
});

test('a setting that Kafka refuses is told in its words', () => {
  const log = `[main] ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception
org.apache.kafka.common.config.ConfigException: Invalid value soon for configuration log.retention.ms: Not a number of type LONG
\tat org.apache.kafka.common.config.ConfigDef.parseType(ConfigDef.java:776)
[kafka-shutdown-hook] WARN org.apache.kafka.clients.NetworkClient - already been closed.`;

  expect(startupError(log, '/data').message).toBe(
    'Apache Kafka did not start in /data: org.apache.kafka.common.config.ConfigException: ' +
      'Invalid value soon for configuration log.retention.ms: Not a number of type LONG',
  );
});

test('so is one that Kafka refuses when it formats its folder', () => {
  const log = `SLF4J: something
Exception in thread "main" org.apache.kafka.common.config.ConfigException: Invalid value soon
\tat kafka.tools.StorageTool.main(StorageTool.scala)`;

  expect(startupError(log, '/data')).toMatchObject({
    reason: 'org.apache.kafka.common.config.ConfigException: Invalid value soon',
  });
});

test('of an error with causes the root of all is told', () => {
  const log = `[main] ERROR kafka.server.BrokerServer - Fatal error during broker startup.
java.lang.RuntimeException: Received a fatal error
Caused by: java.lang.IllegalStateException: cluster.id differs
\t... 6 more`;

  expect(startupError(log, '/data')).toMatchObject({
    code: 'SERVER_DID_NOT_START',
    reason: 'java.lang.IllegalStateException: cluster.id differs',
  });
});

test('what Java itself says is told, too', () => {
  const memory =
    '# There is insufficient memory for the Java Runtime Environment to continue.\n# An error report is at x';
  const missing =
    'Error: Could not find or load main class kafka.Kafka\nCaused by: java.lang.ClassNotFoundException: kafka.Kafka';

  expect(startupError(memory, '/data')).toMatchObject({
    reason: expect.stringMatching(/^There is insufficient/u),
  });
  expect(startupError(missing, '/data')).toMatchObject({
    reason: 'java.lang.ClassNotFoundException: kafka.Kafka',
  });
});

test('a broker that ended without a word is an error all the same', () => {
  expect(startupError('', '/data').message).toBe(
    'Apache Kafka did not start in /data: it wrote nothing to its log.',
  );
});
