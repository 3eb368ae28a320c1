import { brokersOf, KAFKA_LIBRARIES, prefixOf } from '@atone/kafka/connect';
import { TOPIC_PREFIX } from '@atone/protocol';
import { z } from 'zod';
import { flag, wholeNumber } from './variable.schemas.js';

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const WAYS = ['kafka', 'http'] as const;

const brokers = ruled(brokersOf);

/** The variables by which the coordinator is told of Kafka. */
export const KAFKA_VARIABLES = {
  ATONE_KAFKA_BROKERS: brokers.optional().meta({
    description:
      'Where Kafka is reached, as `host:port` with commas between. Without it there is no Kafka, and no other variable about it is allowed.',
  }),
  ATONE_KAFKA_CLIENT: oneOf(KAFKA_LIBRARIES).default('kafkajs').meta({
    description: 'By which library Kafka is talked to: `kafkajs` or `platformatic`.',
  }),
  ATONE_KAFKA_PREFIX: ruled(prefixOf).default(TOPIC_PREFIX).meta({
    description:
      'What the names of all topics and groups begin with. Two installations at one Kafka need two.',
  }),
  ATONE_KAFKA_TLS: flag().prefault('false').meta({ description: '`true` talks to the brokers by TLS.' }),
  ATONE_KAFKA_TLS_CA_FILE: z.string().optional().meta({
    description:
      'A file with the certificates, in PEM, of who may vouch for the brokers. Without it those that Node knows.',
  }),
  ATONE_KAFKA_TLS_CERT_FILE: z.string().optional().meta({
    description: 'A file with the certificate, in PEM, by which the coordinator tells the brokers who it is.',
  }),
  ATONE_KAFKA_TLS_KEY_FILE: z
    .string()
    .optional()
    .meta({ description: 'A file with the key, in PEM, of that certificate.' }),
  ATONE_KAFKA_SASL_MECHANISM: oneOf(SASL_MECHANISMS)
    .optional()
    .meta({
      description: `How the coordinator logs in: ${SASL_MECHANISMS.map((name) => `\`${name}\``).join(', ')}.`,
    }),
  ATONE_KAFKA_SASL_USERNAME: z.string().optional().meta({ description: 'As whom it logs in.' }),
  ATONE_KAFKA_SASL_PASSWORD: z.string().optional().meta({ description: 'The password to that.' }),
  ATONE_KAFKA_CREATE_TOPICS: flag().prefault('true').meta({
    description:
      '`false` creates no topics. Those that are missing end the start then, with the commands that an administrator has to run.',
  }),
  ATONE_KAFKA_PARTITIONS: wholeNumber(1, 10_000).prefault('12').meta({
    description: 'How many partitions topics are created with. Of more coordinators than that some stand by.',
  }),
  ATONE_KAFKA_REPLICATION: wholeNumber(1, 100).optional().meta({
    description: 'On how many brokers each topic is kept that is created. Without it the brokers decide.',
  }),
  ATONE_PREFERRED_TRANSPORT: oneOf(WAYS).default('kafka').meta({
    description: 'By what a service is asked that can be reached both ways: `kafka` or `http`.',
  }),
};

/** Returns a text that services may be told as well, by the same rule. */
function ruled(read: typeof prefixOf | typeof brokersOf) {
  return z.string().superRefine((text, context) => {
    const outcome = read(text);
    if ('rule' in outcome) {
      context.addIssue({ code: 'custom', message: outcome.rule });
    }
  });
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}
