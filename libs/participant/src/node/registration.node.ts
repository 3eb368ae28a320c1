import { createPortRegistration, type Registration, type RegistrationOptions } from '../registration.js';
import { nodeClientPorts } from './client.node.js';

/**
 * Returns the registration of one instance of a service at its coordinator; it does nothing before `start`.
 *
 * @throws MisuseError for an action whose payloads JSON cannot hold.
 */
export function createRegistration(options: RegistrationOptions): Registration {
  return createPortRegistration(options, nodeClientPorts());
}
