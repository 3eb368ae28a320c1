import { describeKafkaClient } from '@atone/kafka/conformance';
import { kafkajsClient } from '@atone/kafka/kafkajs';
import { platformaticClient } from '@atone/kafka/platformatic';
import { testBrokers } from './kafka.client.js';
import { worldOf, type ClientLibrary } from './kafka.worlds.js';

const LIBRARIES: readonly ClientLibrary[] = [
  { name: 'kafkajs', connect: kafkajsClient },
  { name: 'platformatic', connect: platformaticClient },
];

for (const library of LIBRARIES) {
  describeKafkaClient(library.name, async () => worldOf(library, testBrokers()));
}
