import { describeTransportConformance } from '@atone/engine/conformance';
import { HttpWorld } from './testing/http.world.js';
import { libraryListener, type LoopbackServer } from './testing/loopback.server.js';

describeTransportConformance('HttpTransport', async () => {
  const world = new HttpWorld();
  const servers = new Map<string, LoopbackServer>();
  return {
    transport: world.transport,
    start: async (service, answer) => {
      servers.set(service, await world.serve(libraryListener(answer), { service }));
    },
    kill: async (service) => servers.get(service)?.kill(),
    end: async () => world.end(),
  };
});
