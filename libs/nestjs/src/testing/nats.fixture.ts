import type { Socket } from 'node:net';
import { lineOf, startBroker, type Broker } from './broker.fixture.js';

/** One subscription of a connection. */
interface Subscription {
  readonly socket: Socket;
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
}

interface Publication {
  readonly subject: string;
  readonly reply: string | undefined;
  /** How many of the bytes are headers; undefined for a message that can have none. */
  readonly headerSize: string | undefined;
  readonly bytes: Buffer;
}

const GREETING = { server_id: 'fixture', version: '2.10.0', headers: true, proto: 1, max_payload: 1_048_576 };

/** Starts what a server of NATS does for Nest: subjects with wildcards, queue groups, replies and headers. It keeps nothing. */
export async function startNats(): Promise<Broker> {
  const server = new NatsServer();
  return startBroker((socket) => {
    socket.write(`INFO ${JSON.stringify(GREETING)}\r\n`);
    return { read: (bytes) => server.read(socket, bytes), closed: () => server.forget(socket) };
  });
}

class NatsServer {
  private subscriptions: Subscription[] = [];

  forget(socket: Socket): void {
    this.subscriptions = this.subscriptions.filter((subscription) => subscription.socket !== socket);
  }

  read(socket: Socket, bytes: Buffer): number {
    const line = lineOf(bytes);
    if (line === undefined) {
      return 0;
    }
    const [verb = '', ...words] = line.text.split(/\s+/u);
    switch (verb.toUpperCase()) {
      case 'PUB':
      case 'HPUB':
        return this.takeMessage(words, { bytes, from: line.end, hasHeaders: /^h/iu.test(verb) });
      case 'SUB':
        this.subscriptions.push(subscriptionOf(socket, words));
        break;
      case 'UNSUB':
        this.subscriptions = this.subscriptions.filter(
          (subscription) => subscription.socket !== socket || subscription.sid !== words[0],
        );
        break;
      case 'PING':
        socket.write('PONG\r\n');
        break;
      default: // CONNECT, PONG
    }
    return line.end;
  }

  private takeMessage(
    words: readonly string[],
    {
      bytes,
      from,
      hasHeaders,
    }: { readonly bytes: Buffer; readonly from: number; readonly hasHeaders: boolean },
  ): number {
    const sizes = words.slice(hasHeaders ? -2 : -1);
    const [subject = '', reply] = words.slice(0, words.length - sizes.length);
    const end = from + Number(sizes.at(-1));
    if (bytes.length < end + 2) {
      return 0;
    }
    const headerSize = hasHeaders ? sizes[0] : undefined;
    this.publish({ subject, reply, headerSize, bytes: bytes.subarray(from, end) });
    return end + 2;
  }

  private publish(message: Publication): void {
    const matching = this.subscriptions.filter(({ subject }) => isMatch(subject, message.subject));
    // Of each queue group the first member gets it.
    const isFirst = ({ queue }: Subscription, position: number): boolean =>
      queue === undefined || matching.findIndex((other) => other.queue === queue) === position;
    matching.filter(isFirst).forEach((subscription) => deliver(subscription, message));
  }
}

function subscriptionOf(socket: Socket, words: readonly string[]): Subscription {
  const [subject = '', queue] = words;
  return { socket, subject, queue: words.length === 3 ? queue : undefined, sid: words.at(-1) ?? '' };
}

function deliver({ socket, sid }: Subscription, { subject, reply, headerSize, bytes }: Publication): void {
  const verb = headerSize === undefined ? 'MSG' : 'HMSG';
  const words = [verb, subject, sid, reply, headerSize, bytes.length].filter((word) => word !== undefined);
  socket.write(Buffer.concat([Buffer.from(`${words.join(' ')}\r\n`), bytes, Buffer.from('\r\n')]));
}

function isMatch(pattern: string, subject: string): boolean {
  const words = subject.split('.');
  const wanted = pattern.split('.');
  const isOpen = wanted.at(-1) === '>';
  const fixed = isOpen ? wanted.slice(0, -1) : wanted;
  return (
    (isOpen ? words.length > fixed.length : words.length === fixed.length) &&
    fixed.every((word, position) => word === '*' || word === words[position])
  );
}
