import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
  type AclEntry,
  type KafkaConfig,
} from 'kafkajs';
import { until } from '../harness/until.js';

const OPERATIONS: Readonly<Record<string, AclOperationTypes>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
};

/** Returns what a command of `kafka-acls.sh` adds. @throws for what it does not know, as the program would. */
function aclEntries(command: string): readonly AclEntry[] {
  const options = optionsOf(command, 'kafka-acls.sh');
  const [group] = options.get('--group') ?? [];
  const [name = group, pattern, principal = ''] = [
    '--topic',
    '--resource-pattern-type',
    '--allow-principal',
  ].map((option) => options.get(option)?.[0]);
  const expected = ['--add', '--operation', '--allow-principal', group === undefined ? '--topic' : '--group'];
  const missing = expected.find((option) => !options.has(option));
  if (missing !== undefined || name === undefined || (pattern !== undefined && pattern !== 'prefixed')) {
    throw new Error(`This is no command that adds a rule: ${command}`);
  }
  return (options.get('--operation') ?? []).map((operation) => ({
    principal,
    host: '*',
    operation: OPERATIONS[operation] ?? AclOperationTypes.UNKNOWN,
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: group === undefined ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
    resourceName: name,
    resourcePatternType:
      pattern === 'prefixed' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  }));
}

/** Returns the name and the number of partitions of the topic that a command of `kafka-topics.sh` creates. */
function topicOf(command: string): { readonly topic: string; readonly numPartitions: number } {
  const options = optionsOf(command, 'kafka-topics.sh');
  const [topic] = options.get('--topic') ?? [];
  if (!options.has('--create') || topic === undefined) {
    throw new Error(`This is no command that creates a topic: ${command}`);
  }
  return { topic, numPartitions: Number(options.get('--partitions')?.[0]) };
}

const KNOWN = new Set([
  '--add',
  '--allow-principal',
  '--bootstrap-server',
  '--command-config',
  '--config',
  '--create',
  '--group',
  '--if-not-exists',
  '--operation',
  '--partitions',
  '--replication-factor',
  '--resource-pattern-type',
  '--topic',
]);

function optionsOf(command: string, program: string): ReadonlyMap<string, readonly string[]> {
  const [first, ...words] = command.split(' ');
  const options = new Map<string, string[]>();
  let last: string[] = [];
  for (const word of words) {
    if (!word.startsWith('--')) {
      last.push(word);
    } else {
      last = options.get(word) ?? [];
      options.set(word, last);
    }
  }
  const unknown = [...options.keys()].filter((option) => !KNOWN.has(option));
  if (first !== program || unknown.length > 0) {
    throw new Error(`${program} does not know ${unknown.join(', ')}: ${command}`);
  }
  return options;
}

/** Runs commands as an administrator would, on a broker that is alone; resolves when they are in force. */
export async function administer(
  connection: Pick<KafkaConfig, 'brokers' | 'sasl'>,
  commands: { readonly topics: readonly string[]; readonly acls: readonly string[] },
): Promise<void> {
  const admin = new Kafka({ ...connection, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: commands.topics.map(topicOf), waitForLeaders: true });
    const acl = commands.acls.flatMap(aclEntries);
    await admin.createAcls({ acl });
    await Promise.all(
      acl.map(async (entry) =>
        until(`${entry.principal} has its rights on ${entry.resourceName}`, async () => {
          const { resources } = await admin.describeAcls(entry);
          return resources.length > 0;
        }),
      ),
    );
  } finally {
    await admin.disconnect();
  }
}
