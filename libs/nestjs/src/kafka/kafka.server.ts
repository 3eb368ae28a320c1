import type { KafkaClient, ReceivedRecord, Subscription } from '@atone/kafka';
import { MisuseError } from '@atone/participant';
import { readyTopics } from '@atone/participant/kafka';
import { deadTopic, TOPIC_PREFIX, type TopicSpread } from '@atone/protocol';
import {
  KafkaParser,
  KafkaRequestDeserializer,
  Server,
  Transport,
  type BaseRpcContext,
  type CustomTransportStrategy,
  type MessageHandler,
  type ReadPacket,
  type WritePacket,
} from '@nestjs/microservices';
import { KafkaRequestSerializer } from '@nestjs/microservices/serializers/kafka-request.serializer.js';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import { nestLog } from '../nest.log.js';
import { answerPlaceOf, type AnswerPlace, type SerializedAnswer } from './answer.record.js';
import { AnswerSender } from './answer.sender.js';
import { BatchIntake } from './batch.intake.js';
import { whenAnswering } from './first.answer.js';
import { nestMessage, RecordContext, type NestMessage } from './record.context.js';

/** How many messages have their handler running at once, if nothing else is said. */
const PARALLEL_MAX = 64;

/** How often a handler is tried that throws, if nothing else is said: for three seconds. */
const ATTEMPT_MAX = 5;

const RETRY_AFTER_MS = 200;

/** How long the handlers of a batch run before the log is told, if nothing else is said. */
const SLOW_AFTER_MS = 10_000;

export interface AtoneKafkaServerOptions {
  /** Stays open when the server is closed: others may use it too. */
  readonly client: KafkaClient;
  /** The consumer group of all instances of the service. */
  readonly groupId: string;
  /** What the name of the topic for dead letters begins with. Default: `atone`. */
  readonly prefix?: string | undefined;
  /** Where a group begins that has committed nothing yet. Default: `earliest`. */
  readonly from?: 'earliest' | 'latest' | undefined;
  /** Creates topics that are missing. Default: that is an error. */
  readonly createTopics?: TopicSpread | undefined;
  /** How many handlers run at once. Default: 64. */
  readonly parallelMax?: number | undefined;
  /** The most messages of one batch. Default: 500. */
  readonly recordCountMax?: number | undefined;
  /** How often a message is given to a handler that throws, before it is put with the dead letters. Default: 5. */
  readonly attemptMax?: number | undefined;
  /** How long a message waits after the first failure; it doubles with each further one. Default: 200 ms. */
  readonly retryAfterMs?: number | undefined;
  /** How long the handlers of a batch run before the log is told which one holds up its partition. Default: 10 s. */
  readonly slowAfterMs?: number | undefined;
  /** As of Nest's own transport. Default: JSON. */
  readonly serializer?:
    { serialize(response: unknown): SerializedAnswer | Promise<SerializedAnswer> } | undefined;
  /** As of Nest's own transport. Default: the value is the payload, and the topic the pattern. */
  readonly deserializer?:
    | {
        deserialize(
          message: unknown,
          options: { readonly channel: string },
        ): ReadPacket | Promise<ReadPacket>;
      }
    | undefined;
}

/**
 * A transport for `@EventPattern` and `@MessagePattern` by Kafka that takes messages in batches: those of one key in order, those of
 * different keys at the same time. The place of a batch is committed when its handlers are through. Answers are as Nest's ClientKafka
 * expects them.
 *
 * What an event handler throws makes the message come again, and then brings it to the dead letters; nothing is passed over in silence.
 */
export class AtoneKafkaServer extends Server implements CustomTransportStrategy {
  /** As Nest's own, so that handlers which are meant for Kafka are found. */
  override readonly transportId = Transport.KAFKA;
  /** Nest need not report them: they are dealt with here. */
  override readonly propagatesEventHandlerErrors = true;
  private readonly log = nestLog('AtoneKafkaServer');
  private readonly parser = new KafkaParser();
  private readonly answers: AnswerSender;
  private readonly intake: BatchIntake;
  private subscription: Subscription | undefined;

  constructor(private readonly options: AtoneKafkaServerOptions) {
    super();
    const { client, prefix = TOPIC_PREFIX, serializer = new KafkaRequestSerializer() } = options;
    this.deserializer = options.deserializer ?? new KafkaRequestDeserializer();
    this.answers = new AnswerSender({
      client,
      serialize: async (response) => serializer.serialize(response) as Promise<SerializedAnswer>,
      log: this.log,
    });
    this.intake = new BatchIntake({
      client,
      deliver: async (record) => this.deliver(record),
      deadTopic: deadTopic(prefix),
      parallelMax: options.parallelMax ?? PARALLEL_MAX,
      attemptMax: options.attemptMax ?? ATTEMPT_MAX,
      retryAfterMs: options.retryAfterMs ?? RETRY_AFTER_MS,
      slowAfterMs: options.slowAfterMs ?? SLOW_AFTER_MS,
      log: this.log,
    });
  }

  /** @throws MisuseError for a pattern that names no topic. */
  override addHandler(
    ...[pattern, callback, isEventHandler, extras]: Parameters<Server['addHandler']>
  ): void {
    if (pattern instanceof RegExp) {
      throw new MisuseError(
        `A handler has the pattern ${String(pattern)}, and AtoneKafkaServer takes topics by their names. List them: @EventPattern(['a', 'b']).`,
      );
    }
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Joins the group. Calls back with what keeps it from that: topics that are missing, or brokers that do not answer. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const topics = [...this.messageHandlers.keys()];
      if (topics.length > 0) {
        const { client, createTopics, prefix = TOPIC_PREFIX } = this.options;
        await readyTopics({
          client,
          names: [deadTopic(prefix)],
          foreignNames: topics,
          createTopics,
          purpose: 'AtoneKafkaServer takes messages from topics',
        });
        this.subscription = await this.join(topics);
      }
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Takes no more messages, and resolves when the handlers that run are through and their places committed. */
  async close(): Promise<void> {
    await this.subscription?.close();
    this.subscription = undefined;
  }

  /** Returns the client. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as Nest has it
  unwrap<Client = KafkaClient>(): Client {
    return this.options.client as Client;
  }

  on(): never {
    throw new MisuseError('AtoneKafkaServer has no events. Its `status` tells whether it holds partitions.');
  }

  private async join(topics: readonly string[]): Promise<Subscription> {
    const { client, from = 'earliest', groupId, recordCountMax } = this.options;
    return client.subscribe({
      groupId,
      topics,
      from,
      recordCountMax,
      onBatch: async (batch) => this.intake.take(batch),
      onAssignment: ({ size }) => {
        this.intake.forget();
        // oxlint-disable-next-line no-underscore-dangle -- Nest's own
        this._status$.next(size > 0 ? 'connected' : 'disconnected');
      },
      onTrouble: (error) =>
        this.log.warn(
          { groupId, error: error instanceof Error ? error.message : String(error) },
          'trouble with Kafka',
        ),
    });
  }

  private async deliver(record: ReceivedRecord): Promise<void> {
    const message = this.parser.parse<NestMessage>(nestMessage(record));
    const packet = await this.deserializer.deserialize(message, { channel: record.topic });
    const context = new RecordContext(message);
    const handler = this.handlerOf(record.topic, packet);
    const place = answerPlaceOf(message.headers);
    if (place === undefined || handler?.isEventHandler === true) {
      await this.bringEvent(handler, packet, context);
    } else if (handler === null) {
      await this.answers.answer({ err: NO_HANDLER, isDisposed: true }, place);
    } else {
      await this.bringRequest({ handler, packet, context }, place);
    }
  }

  /** Nest looks for a pattern as if it might be JSON, which takes longer than all the rest; that of most messages is their topic. */
  private handlerOf(topic: string, { pattern }: ReadPacket): MessageHandler | null {
    return pattern === topic
      ? (this.messageHandlers.get(topic) ?? null)
      : this.getHandlerByPattern(pattern as string);
  }

  private async bringEvent(
    handler: MessageHandler | null,
    { data }: ReadPacket,
    context: RecordContext,
  ): Promise<void> {
    if (handler === null) {
      throw new MisuseError(NO_HANDLER);
    }
    await this.within(context, async () => {
      const result: unknown = await handler(data, context);
      if (isObservable(result)) {
        await lastValueFrom(result, { defaultValue: undefined });
      }
    });
  }

  private async bringRequest({ handler, packet, context }: Request, place: AnswerPlace): Promise<void> {
    await this.within(context, async () => {
      const answers = this.transformToObservable<unknown>(handler(packet.data, context));
      await this.answerAll(await whenAnswering(answers), place);
    });
  }

  /** Resolves when the last answer is stored: Nest marks it. */
  private async answerAll(answers: Observable<unknown>, place: AnswerPlace): Promise<void> {
    await new Promise<void>((resolve) => {
      this.send(answers, async (packet: WritePacket) => {
        await this.answers.answer(packet, place);
        if (packet.isDisposed === true) {
          resolve();
        }
      });
    });
  }

  /** Runs a handler between the hooks by which instrumentation sees it. They are told of no error. */
  private async within(context: BaseRpcContext, work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          await work();
        } finally {
          this.onProcessingEndHook?.(this.transportId, context);
        }
      };
      this.onProcessingStartHook(this.transportId, context, async () => run().then(resolve, reject));
    });
  }
}

interface Request {
  readonly handler: MessageHandler;
  readonly packet: ReadPacket;
  readonly context: RecordContext;
}

const NO_HANDLER = 'There is no handler for this message.';
