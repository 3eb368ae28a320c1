import { types } from 'node:util';

/** What the libraries and TLS call it when a broker does not believe who somebody is, and what to do then. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /^UNSUPPORTED_SASL_MECHANISM$/u,
    'It offers no login by this mechanism: set ATONE_KAFKA_SASL_MECHANISM to one of its `sasl.enabled.mechanisms`.',
  ],
  [
    /^ILLEGAL_SASL_STATE$/u,
    'It asks nobody to log in there: leave ATONE_KAFKA_SASL_* away, or name the port where it does.',
  ],
  [
    /^ERR_SSL_\w*ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/u,
    'Check the certificate and its key: ATONE_KAFKA_TLS_CERT_FILE and ATONE_KAFKA_TLS_KEY_FILE.',
  ],
  [
    /^(?:KafkaJSSASLAuthenticationError|PLT_KFK_AUTHENTICATION|SASL_AUTHENTICATION_FAILED)$/u,
    'Check ATONE_KAFKA_SASL_USERNAME and ATONE_KAFKA_SASL_PASSWORD, and that the user has this password for this mechanism.',
  ],
];

/**
 * Returns what to do where a broker has answered, and does not believe who asks, however deep that is in an error; else
 * undefined.
 */
export function loginAdvice(error: unknown): string | undefined {
  // Not by its class: there may be several classes `Error` in one process.
  if (!types.isNativeError(error)) {
    return undefined;
  }
  const { name, code, type, apiId, errors } = error as Error & Readonly<Record<string, unknown>>;
  // Those inside know better what it was.
  for (const inside of [error.cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]) {
    const advice = loginAdvice(inside);
    if (advice !== undefined) {
      return advice;
    }
  }
  const words = [name, code, type, apiId].filter((word) => typeof word === 'string');
  return REFUSALS.find(([pattern]) => words.some((word) => pattern.test(word)))?.[1];
}
