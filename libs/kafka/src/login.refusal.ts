import { types } from 'node:util';

/** What the libraries and TLS call it when a broker does not believe who somebody is. */
const REFUSALS =
  /^(?:KafkaJSSASLAuthenticationError|PLT_KFK_AUTHENTICATION|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE|ERR_SSL_\w*ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED))$/u;

/** Whether a broker has answered, and does not believe who asks. However deep that is in an error. */
export function isLoginRefusal(error: unknown): boolean {
  // Not by its class: there may be several classes `Error` in one process.
  if (!types.isNativeError(error)) {
    return false;
  }
  const { name, code, type, apiId, errors } = error as Error & Readonly<Record<string, unknown>>;
  const isNamed = [name, code, type, apiId].some((word) => typeof word === 'string' && REFUSALS.test(word));
  const inside = [error.cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  return isNamed || inside.some(isLoginRefusal);
}
