import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchCommand, CatalogueInstance, ReplyEnvelope } from '@atone/protocol';
import { INSTANCE_GONE_AFTER_MS } from './catalogue.js';
import { RoutedTransport, type RoutedTransportOptions } from './routed.transport.js';
import { ManualClock, ScriptedTransport } from './testing/index.js';
import { commandTo } from './testing/transport.desk.js';

const HTTP = { baseUrl: 'http://stock:1' };
const KAFKA = { kafka: { topic: 'atone.commands.stock' } };

let clock: ManualClock;
let http: ScriptedTransport;
let kafka: ScriptedTransport;

beforeEach(() => {
  clock = new ManualClock();
  http = new ScriptedTransport();
  kafka = new ScriptedTransport();
});

function instance(change: Partial<CatalogueInstance>): CatalogueInstance {
  return {
    service: 'stock',
    instance: 'one',
    kind: 'library',
    protocol: 1,
    actions: [{ name: 'reserve', hasCompensation: true }],
    registeredAt: clock.now(),
    seenAt: clock.now(),
    ...change,
  };
}

function routed(
  instances: readonly CatalogueInstance[],
  options: Pick<RoutedTransportOptions, 'preferred' | 'isKafkaMute'> = {},
): RoutedTransport {
  return new RoutedTransport({
    http,
    kafka,
    clock,
    catalogue: { instancesOf: () => instances },
    ...options,
  });
}

function wayOf(
  instances: readonly CatalogueInstance[],
  {
    preferred,
    isKafkaMute,
    ...change
  }: Partial<BranchCommand> & Pick<RoutedTransportOptions, 'preferred' | 'isKafkaMute'> = {},
): string {
  routed(instances, { preferred, isKafkaMute }).send(commandTo('stock', change), 10_000);
  return `${'http '.repeat(http.sent.length)}${'kafka '.repeat(kafka.sent.length)}`.trim();
}

describe('a command goes', () => {
  test('by the only way that its service offers', () => {
    expect(wayOf([instance(HTTP)])).toBe('http');
  });

  test('over Kafka to a service that is reached no other way, whatever is preferred', () => {
    expect(wayOf([instance(KAFKA)], { preferred: 'http' })).toBe('kafka');
  });

  test('over Kafka where a service offers both', () => {
    expect(wayOf([instance({ ...HTTP, ...KAFKA })])).toBe('kafka');
  });

  test('over HTTP where that is preferred', () => {
    expect(wayOf([instance({ ...HTTP, ...KAFKA })], { preferred: 'http' })).toBe('http');
  });

  test('over HTTP where answers by Kafka would not be read, if its service offers both', () => {
    expect(wayOf([instance({ ...HTTP, ...KAFKA })], { isKafkaMute: () => true })).toBe('http');
  });

  test('over Kafka all the same where its service offers nothing else', () => {
    expect(wayOf([instance(KAFKA)], { isKafkaMute: () => true })).toBe('kafka');
  });

  test('over Kafka as soon as one of the instances takes commands there', () => {
    expect(wayOf([instance(HTTP), instance(KAFKA)])).toBe('kafka');
  });

  test('over HTTP while those who took commands over Kafka are gone', () => {
    const gone = instance({ ...KAFKA, seenAt: clock.now() - INSTANCE_GONE_AFTER_MS });

    expect(wayOf([gone, instance(HTTP)])).toBe('http');
  });

  test('by the way of its lane', () => {
    expect(wayOf([instance({ ...HTTP, lane: 'green' }), instance(KAFKA)], { lane: 'green' })).toBe('http');
  });

  test('by the way of those who offer its action', () => {
    expect(wayOf([instance({ ...KAFKA, actions: [] }), instance(HTTP)])).toBe('http');
  });

  test('over HTTP where nobody is known, which says so', () => {
    expect(wayOf([])).toBe('http');
  });
});

test('replies come from both ways', async () => {
  const transport = routed([instance(KAFKA)]);
  const replies: ReplyEnvelope[] = [];
  transport.onReply((reply) => {
    replies.push(reply);
  });

  http.send(commandTo('stock', { branchId: 'over-http' }));
  transport.send(commandTo('stock', { branchId: 'over-kafka' }), 10_000);

  await clock.advance(0);
  expect(replies.map(({ branchId }) => branchId)).toEqual(['over-http', 'over-kafka']);
});

test('both ways are closed', async () => {
  const closed: string[] = [];
  const closing = (name: string): ScriptedTransport =>
    Object.assign(new ScriptedTransport(), { close: async () => void closed.push(name) });
  const transport = new RoutedTransport({
    http: closing('http'),
    kafka: closing('kafka'),
    clock,
    catalogue: { instancesOf: () => [] },
  });

  await transport.close();

  expect(closed).toEqual(['http', 'kafka']);
});
