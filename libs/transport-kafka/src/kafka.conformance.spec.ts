import { commandTo, describeTransportConformance } from '@atone/engine/conformance';
import { deferred, KafkaWorld } from './testing/kafka.world.js';

describeTransportConformance(
  'KafkaTransport',
  async () => {
    const world = await new KafkaWorld().open();
    const transport = world.transport({ limits: { drainMs: 500 } });
    await transport.start();
    const gate = deferred();
    return {
      transport,
      start: async (service, answer) => world.start(service, answer),
      kill: async (service) => world.kill(service),
      holdBack: async (service) => {
        world.holdBack(gate.promise);
        // It is on its way for as long as the brokers do not take it, and all others wait for it.
        transport.send(commandTo(service, { branchId: 'held' }), 3_600_000);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        return gate.resolve;
      },
      // Nobody tells a transport that a participant has died; only time does.
      pass: async () => world.clock.advance(1),
      elapse: async (ms) => world.clock.advance(ms),
      end: async () => {
        gate.resolve();
        await world.end();
      },
    };
  },
  { noticesNobody: false, hasQueue: true },
);
