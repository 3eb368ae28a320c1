import type { BranchCommand } from '@atone/protocol';
import { takeErrands } from '../../child.errand.js';
import { DoneOffsets } from './done.offsets.js';
import { GatheringLane } from './gathering.lane.js';
import { REPLY_TO, yesMessage } from './prototype.records.js';
import { COMMANDS, connectWire, REPLIES, type ReceivedMessage, type WireLibrary } from './wire.js';

/* Says yes to every command, in batches. Started as a process of its own. */

export interface PrototypeParticipantSettings {
  readonly library: WireLibrary;
  readonly brokers: readonly string[];
}

const { library, brokers } = JSON.parse(process.argv[2] ?? '') as PrototypeParticipantSettings;
const wire = await connectWire(library, brokers);
const lane = new GatheringLane<ReceivedMessage>(async (messages) => {
  await wire.send(
    REPLIES,
    messages.map(({ value, header }) =>
      yesMessage(JSON.parse(value) as BranchCommand, header(REPLY_TO) ?? ''),
    ),
  );
  done.note(messages);
});
const consumer = await wire.consume(COMMANDS, (messages) => messages.forEach((message) => lane.add(message)));
const done = new DoneOffsets(consumer);

process.send?.('taking commands');
takeErrands(() => Promise.resolve(undefined));
