import { commandTo, describeTransportConformance } from '@atone/engine/conformance';
import { DEFAULT_LIMITS } from './limits.js';
import { deferred, HttpWorld, turn } from './testing/http.world.js';
import { libraryListener, type Listener, type LoopbackServer } from './testing/loopback.server.js';

describeTransportConformance('HttpTransport', async () => {
  const world = new HttpWorld();
  const servers = new Map<string, LoopbackServer>();
  const held = deferred();
  return {
    transport: world.transport,
    start: async (service, answer) => {
      const listener = libraryListener(async (command) => {
        if (command.branchId.startsWith('held-')) {
          await held.promise;
        }
        return answer(command);
      });
      servers.set(service, await world.serve(breakingOff(listener), { service }));
    },
    kill: async (service) => servers.get(service)?.kill(),
    holdBack: async (service) => {
      for (let count = 0; count < DEFAULT_LIMITS.requestCountMax; count += 1) {
        for (const op of ['action', 'compensate'] as const) {
          world.transport.send(commandTo(service, { branchId: `held-${op}-${count}`, op }), 3_600_000);
        }
        // oxlint-disable-next-line no-await-in-loop -- each turn's commands are a request of their own.
        await turn();
      }
      return held.resolve;
    },
    elapse: async (ms) => world.clock.advance(ms),
    end: async () => {
      held.resolve();
      await world.end();
    },
  };
});

/** Cuts the connection of a participant that throws. */
function breakingOff(listener: Listener): Listener {
  return async (request, response) => {
    try {
      await listener(request, response);
    } catch {
      response.destroy();
    }
  };
}
