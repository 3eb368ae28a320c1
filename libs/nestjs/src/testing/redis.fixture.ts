import type { Socket } from 'node:net';
import { lineOf, startBroker, type Broker } from './broker.fixture.js';

/** Starts what a server of Redis does for Nest: it publishes to channels, and keeps nothing. */
export async function startRedis(): Promise<Broker> {
  const server = new RedisServer();
  return startBroker((socket) => ({
    read: (bytes) => server.read(socket, bytes),
    closed: () => server.forget(socket),
  }));
}

class RedisServer {
  private readonly channelsOf = new Map<Socket, Set<string>>();

  forget(socket: Socket): void {
    this.channelsOf.delete(socket);
  }

  read(socket: Socket, bytes: Buffer): number {
    const command = commandOf(bytes);
    if (command === undefined) {
      return 0;
    }
    const [verb = '', ...words] = command.words;
    this.answer(socket, verb.toUpperCase(), words);
    return command.end;
  }

  private answer(socket: Socket, verb: string, words: readonly string[]): void {
    switch (verb) {
      case 'INFO':
        socket.write(bulk('redis_version:7.2.0\r\nloading:0\r\n'));
        break;
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        words.forEach((channel) => this.change(socket, verb, channel));
        break;
      case 'PUBLISH':
        socket.write(`:${this.publish(words[0] ?? '', words[1] ?? '')}\r\n`);
        break;
      case 'QUIT':
        socket.end('+OK\r\n');
        break;
      case 'PING':
        socket.write('+PONG\r\n');
        break;
      default: // CLIENT SETINFO, SELECT
        socket.write('+OK\r\n');
    }
  }

  private change(socket: Socket, verb: 'SUBSCRIBE' | 'UNSUBSCRIBE', channel: string): void {
    const channels = this.channelsOf.get(socket) ?? new Set();
    this.channelsOf.set(socket, channels);
    if (verb === 'SUBSCRIBE') {
      channels.add(channel);
    } else {
      channels.delete(channel);
    }
    socket.write(`*3\r\n${bulk(verb.toLowerCase())}${bulk(channel)}:${channels.size}\r\n`);
  }

  private publish(channel: string, message: string): number {
    const listening = [...this.channelsOf].filter(([, channels]) => channels.has(channel));
    for (const [socket] of listening) {
      socket.write(`*3\r\n${bulk('message')}${bulk(channel)}${bulk(message)}`);
    }
    return listening.length;
  }
}

/** Returns the array of bulk strings that `bytes` begin with, or undefined if it is not whole. */
function commandOf(bytes: Buffer): { readonly words: readonly string[]; readonly end: number } | undefined {
  const head = lineOf(bytes);
  const words: string[] = [];
  let end = head?.end ?? 0;
  for (let rest = Number(head?.text.slice(1) ?? Number.NaN); rest > 0; rest -= 1) {
    const size = lineOf(bytes, end);
    const next = size === undefined ? Infinity : size.end + Number(size.text.slice(1)) + 2;
    if (size === undefined || bytes.length < next) {
      return undefined;
    }
    words.push(bytes.toString('utf8', size.end, next - 2));
    end = next;
  }
  return head === undefined ? undefined : { words, end };
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
