import type { AtoneConnection } from '@atone/nestjs';
import type { ParticipantLog } from '@atone/participant';
import { SimulatedCrashError, SimulatedFailureError } from '../execution.js';
import type { TestingCoordinator } from '../testing.coordinator.js';

/** Returns the connection of a service with a coordinator in the same process: no port, no HTTP. */
export function inMemoryConnection(atone: TestingCoordinator): AtoneConnection {
  return {
    client: ({ service, coordinator: { url, patience } }) => atone.clientOf({ url, patience, service }),
    calls: () => atone.led.calls,
    database: (usual) => atone.led.databaseOf(usual),
    ledPorts: atone.led.ports,
    async serve({ options, actions, participant, database }) {
      const joined = atone.join(participant, { actions, lane: options.lane, database });
      return {
        close: async () => {
          joined.leave();
          await participant.idle();
        },
      };
    },
    log: withoutPlanned,
  };
}

/** What a test has planned is no news, and each of a hundred runs would tell it with a stack. */
function withoutPlanned(usual: ParticipantLog): ParticipantLog {
  return {
    warn: (fields, message) => {
      if (!isPlanned(fields)) {
        usual.warn(fields, message);
      }
    },
    error: (fields, message) => {
      if (!isPlanned(fields)) {
        usual.error(fields, message);
      }
    },
  };
}

function isPlanned(fields: { readonly error?: unknown }): boolean {
  const text = String(fields.error);
  return text.includes(SimulatedCrashError.TEXT) || text.includes(SimulatedFailureError.TEXT);
}
