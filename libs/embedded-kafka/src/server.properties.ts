/** What a broker is told that serves as its own controller. */
export interface ServerPlan {
  /** Where clients find it. */
  readonly port: number;
  /** Where it finds itself. */
  readonly controllerPort: number;
  /** Settings of Kafka by their names, over ours. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Returns the text of the broker's `server.properties`. Its data are in `data`, below the folder in which it works. */
export function serverProperties({ port, controllerPort, settings }: ServerPlan): string {
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    // Relative, for a comma in a path would separate two of them.
    'log.dirs': 'data',
    ...ALONE,
    ...QUICK,
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('');
}

/** There are no others to hold copies. */
const ALONE = {
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
};

const QUICK = {
  // The first consumer of a group is not kept waiting for others.
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.num.partitions': '4',
  // After a kill the broker waits until what it was before is taken for dead.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
  // Half of a small heap otherwise.
  'log.cleaner.dedupe.buffer.size': '4194304',
};

/** As files of properties want it: Latin letters, no backslash with a meaning, no space that is passed over. */
function escaped(text: string): string {
  return text.replaceAll(/\\|^ |[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
