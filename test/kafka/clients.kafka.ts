import { describeKafkaClient } from '@atone/kafka/conformance';
import { testBrokers } from './kafka.client.js';
import { LIBRARIES, worldOf } from './kafka.worlds.js';

for (const library of LIBRARIES) {
  describeKafkaClient(library.name, async () => worldOf(library, testBrokers()));
}
