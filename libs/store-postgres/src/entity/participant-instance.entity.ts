import type { ActionEntry, ParticipantInstance } from '@atone/protocol';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A running instance of a service, as it entered itself. */
@Entity({ name: 'participant_instance' })
export class ParticipantInstanceEntity {
  @PrimaryColumn({ type: 'text' })
  service!: string;

  @PrimaryColumn({ type: 'text' })
  instance!: string;

  @Column({ name: 'base_url', type: 'text', nullable: true })
  baseUrl!: string | null;

  @Column({ type: 'text' })
  kind!: ParticipantInstance['kind'];

  @Column({ type: 'json', nullable: true })
  kafka!: NonNullable<ParticipantInstance['kafka']> | null;

  @Column({ type: 'text', nullable: true })
  lane!: string | null;

  @Column({ type: 'text', nullable: true })
  version!: string | null;

  @Column({ type: 'smallint' })
  protocol!: ParticipantInstance['protocol'];

  @Column({ type: 'json' })
  actions!: ActionEntry[];

  /** When it first entered itself with these actions, in this version. */
  @Column({ name: 'registered_at', type: 'timestamptz', precision: 3 })
  registeredAt!: Date;

  @Column({ name: 'seen_at', type: 'timestamptz', precision: 3 })
  seenAt!: Date;
}
