import type { MigrationInterface, QueryRunner } from 'typeorm';

/*
 * Columns of fixed width come first, the widest before the others: rows are packed without gaps.
 *
 * plan and progress are json, not jsonb: nothing searches them, their text is kept as it came, and jsonb would
 * refuse a string that holds \u0000.
 */
const GLOBAL_TRANSACTION = `
create table atone.global_transaction (
  version bigint not null,
  due_at timestamptz(3),
  deadline_at timestamptz(3),
  accepted_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  finished_at timestamptz(3),
  stuck_at timestamptz(3),
  format smallint not null,
  is_paused boolean not null,
  gid uuid not null,
  owner uuid,
  kind text not null,
  state text not null,
  name text not null,
  initiator text,
  lane text,
  stuck_reason text,
  tags text[] not null,
  services text[] not null,
  progress json not null,
  plan json not null,
  constraint global_transaction_pkey primary key (gid),
  constraint gid_is_uuid_v7 check (get_byte(uuid_send(gid), 6) >> 4 = 7 and get_byte(uuid_send(gid), 8) >> 6 = 2),
  constraint name_is_given check (name <> ''),
  constraint version_is_positive check (version >= 1),
  constraint format_is_positive check (format >= 1),
  constraint state_is_known check (
    state in ('active', 'running', 'committing', 'aborting', 'committed', 'aborted')
  ),
  constraint finished_state_has_finished_at check (
    (state in ('committed', 'aborted')) = (finished_at is not null)
  ),
  constraint live_row_has_due_at check ((finished_at is null) = (due_at is not null)),
  constraint stuck_row_has_reason check ((stuck_at is null) = (stuck_reason is null))
) partition by range (gid)`;

/*
 * What changes with every step is in no index, not in a condition of one either, so that such an update stays within
 * its page. The last two indexes leave out what need not be found in them.
 */
const INDEXES = [
  `create index global_transaction_live on atone.global_transaction (owner, due_at) where finished_at is null`,
  `create index global_transaction_stuck on atone.global_transaction (stuck_reason, gid) where stuck_at is not null`,
  `create index global_transaction_paused on atone.global_transaction (gid) where is_paused`,
  `create index global_transaction_aborted on atone.global_transaction (gid) where state in ('aborting', 'aborted')`,
  `create index global_transaction_name on atone.global_transaction (name, gid)`,
  `create index global_transaction_services on atone.global_transaction using gin (services)`,
  `create index global_transaction_tags on atone.global_transaction using gin (tags) where tags <> '{}'`,
];

const IDEMPOTENCY_KEY = `
create table atone.idempotency_key (
  gid uuid not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  key text not null,
  body_hash text not null,
  constraint idempotency_key_pkey primary key (key),
  constraint key_is_given check (key <> ''),
  constraint key_expires_after_creation check (expires_at > created_at)
)`;

const IDEMPOTENCY_KEY_EXPIRY = `create index idempotency_key_expiry on atone.idempotency_key (expires_at)`;

const INSTANCE = `
create table atone.instance (
  instance_id uuid not null,
  started_at timestamptz(3) not null,
  lease_until timestamptz(3) not null,
  constraint instance_pkey primary key (instance_id)
) with (fillfactor = 50)`;

const PARTICIPANT_INSTANCE = `
create table atone.participant_instance (
  service text not null,
  instance text not null,
  base_url text not null,
  kind text not null,
  lane text,
  version text,
  protocol smallint not null,
  actions json not null,
  registered_at timestamptz(3) not null,
  seen_at timestamptz(3) not null,
  constraint participant_instance_pkey primary key (service, instance),
  constraint service_is_given check (service <> ''),
  constraint instance_is_given check (instance <> ''),
  constraint kind_is_known check (kind in ('library', 'plain'))
) with (fillfactor = 70)`;

/*
 * How many were finished in a minute. Counting a day's rows one by one would take longer the more there are; the
 * shards let several writers count without waiting for each other's commit.
 */
const FINISHED_COUNT = `
create table atone.finished_count (
  minute timestamptz(0) not null,
  count bigint not null,
  shard smallint not null,
  state text not null,
  constraint finished_count_pkey primary key (minute, state, shard),
  constraint state_is_finished check (state in ('committed', 'aborted')),
  constraint count_is_positive check (count >= 1)
) with (fillfactor = 50)`;

export class Initial1764000000000 implements MigrationInterface {
  readonly name = 'Initial1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const statements = [
      GLOBAL_TRANSACTION,
      ...INDEXES,
      IDEMPOTENCY_KEY,
      IDEMPOTENCY_KEY_EXPIRY,
      INSTANCE,
      PARTICIPANT_INSTANCE,
      FINISHED_COUNT,
    ];
    for (const statement of statements) {
      // oxlint-disable-next-line no-await-in-loop -- one connection, and each builds on the one before.
      await queryRunner.query(statement);
    }
  }

  /** Refuses: the log cannot be undone without losing what it has promised. */
  down(): Promise<void> {
    return Promise.reject(
      new Error('The first migration of the log has no way back: drop the schema "atone" by hand.'),
    );
  }
}
